from app.rate_limit import MAX_CLIENTS, RateLimiter


def test_a_client_may_send_so_many_requests_a_minute() -> None:
    limiter = RateLimiter(2)
    assert [limiter.retry_after("ada", now) for now in (0.0, 1.0, 2.0, 59.5)] == [0, 0, 58, 1]
    assert limiter.retry_after("ada", 60.0) == 0


def test_clients_are_counted_one_by_one() -> None:
    limiter = RateLimiter(1)
    assert limiter.retry_after("ada", 0.0) == 0
    assert limiter.retry_after("bob", 0.0) == 0


def test_the_oldest_client_is_forgotten_when_there_are_too_many() -> None:
    limiter = RateLimiter(1)
    for number in range(MAX_CLIENTS):
        limiter.retry_after(str(number), 0.0)
    assert limiter.retry_after("one more", 0.0) == 0
    assert limiter.retry_after("1", 0.0) > 0
    assert limiter.retry_after("0", 0.0) == 0
