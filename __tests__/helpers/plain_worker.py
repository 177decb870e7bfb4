"""A worker of the plain Hatchet SDK that knows nothing of mageflow. Told what it needs by PLAIN_WORKER; prints JSON lines."""

import asyncio
import json
import os
import signal
import sys
import threading

from hatchet_sdk import Context, EmptyModel, Hatchet

hatchet = Hatchet()
told = json.loads(os.environ["PLAIN_WORKER"])


def say(event: str, **fields: object) -> None:
    print(json.dumps({"event": event, "pid": os.getpid(), **fields}), flush=True)


async def opened(gate: str) -> None:
    while not os.path.exists(os.path.join(told["gates"], gate)):
        await asyncio.sleep(0.05)


@hatchet.task(name="double", execution_timeout="300s")
async def double(input: EmptyModel, ctx: Context) -> dict[str, object]:
    """Doubles `n`, once its gate is open."""
    message = input.model_dump()
    say("body", task="double", attempt=ctx.retry_count, input=message)
    if "gate" in message:
        await opened(message["gate"])
    return {"double": message["n"] * 2}


@hatchet.task(name="echo")
async def echo(input: EmptyModel, ctx: Context) -> dict[str, object]:
    """Gives back what it got: a step of a chain, or a callback."""
    say("body", task="echo", input=input.model_dump())
    return {"received": input.model_dump()}


@hatchet.task(name="broken")
async def broken(input: EmptyModel, ctx: Context) -> dict[str, object]:
    raise ValueError("broken in Python")


@hatchet.task(name="unsteady", retries=2)
async def unsteady(input: EmptyModel, ctx: Context) -> dict[str, object]:
    """Fails at the attempts before `until`."""
    say("body", task="unsteady", attempt=ctx.retry_count, input=input.model_dump())
    if ctx.retry_count < input.model_dump()["until"]:
        raise ValueError(f"attempt {ctx.retry_count} in Python")
    return {"attempt": ctx.retry_count}


pair = hatchet.workflow(name="pair")


@pair.task()
async def first(input: EmptyModel, ctx: Context) -> dict[str, object]:
    return {"n": input.model_dump()["n"] + 1}


@pair.task(parents=[first])
async def second(input: EmptyModel, ctx: Context) -> dict[str, object]:
    return {"n": ctx.task_output(first)["n"] * 10}


def end_with_the_test() -> None:
    """A test that is gone has closed its end; the SDK's helper processes must not stay either."""
    sys.stdin.read()
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    threading.Thread(target=end_with_the_test, daemon=True).start()
    hatchet.worker(told["name"], slots=20, workflows=[double, echo, broken, unsteady, pair]).start()
