from app.budget import Budget, blocks


def test_a_client_can_have_a_quarter_and_all_together_the_whole() -> None:
    budget = Budget(8 * 64 * 1024, largest_body=1000)
    assert [budget.take("a", 1), budget.take("a", 1), budget.take("a", 1)] == [0, 0, 429]
    assert [budget.take(client, 2) for client in "bcd"] == [0, 0, 0]
    assert budget.take("e", 1) == 503
    budget.give_back("a", 2)
    assert [budget.take("e", 2), budget.take("a", 1)] == [0, 503]


def test_one_body_always_fits() -> None:
    largest = blocks(1_000_000)
    assert Budget(1, largest_body=1_000_000).take("a", largest) == 0
