"""What every generated service does, whatever it is written in, and what it withstands.

The tests know a service by its sockets, its log and its exit code alone, and state what they
expect inline. Where two services differ, a service is wrong.
"""
