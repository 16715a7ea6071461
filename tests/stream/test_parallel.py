"""Chunks through threads: results in order, and the first alone."""

import threading

import pytest

from trigsim.stream.parallel import in_order


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_results_come_in_the_order_of_the_tasks(threads):
    assert list(in_order(lambda task: task * task, range(20), threads)) == [task * task for task in range(20)]
    assert list(in_order(lambda task: task, [], threads)) == []


def test_no_task_starts_before_the_first_has_ended():
    # It may be compiling, and another thread must not compile the same.
    other = threading.Event()

    def work(task):
        if task:
            other.set()
            return True
        return not other.wait(0.2)

    assert all(in_order(work, range(6), 3))


def test_an_error_of_the_first_is_raised():
    def work(task):
        if task == 0:
            raise ValueError("first")
        return task

    with pytest.raises(ValueError, match="first"):
        list(in_order(work, range(6), 2))
