"""A task ends, also one that loses its first cancellations."""

import asyncio

from adapters.ending import end


def test_a_task_that_loses_a_cancellation_ends_all_the_same():
    lost = []

    async def stubborn():
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                lost.append(1)
                if len(lost) == 3:
                    raise

    async def failed():
        raise ZeroDivisionError

    async def run():
        tasks = [asyncio.ensure_future(one()) for one in (stubborn, failed)]
        await asyncio.sleep(0)
        await end(*tasks)
        assert isinstance(tasks[1].exception(), ZeroDivisionError)
        return all(task.done() for task in tasks)

    assert asyncio.run(run())
    assert len(lost) == 3
