"""`python -m benchmarks [W1 W2 ...] [--durability durable|relaxed] [--runs N]`.

Prints one JSON line per workload: the median run of three by its time.
"""

import argparse
import asyncio
import json

from benchmarks.workloads import WORKLOADS, Durability, Figures


def main() -> None:
    """Run the chosen workloads."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("workloads", nargs="*", help="beginnings of names: W1; default: all")
    parser.add_argument("--durability", choices=["durable", "relaxed", "both"], default="both")
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    levels: list[Durability] = ["durable", "relaxed"]
    if options.durability != "both":
        levels = [options.durability]
    wanted = tuple(options.workloads) or ("W",)
    for name in WORKLOADS:
        if name.startswith(wanted):
            for durability in levels:
                print(json.dumps(_line(name, durability, options.runs)), flush=True)


def _line(name: str, durability: Durability, runs: int) -> dict[str, str | float]:
    measured: list[Figures] = [asyncio.run(_once(name, durability)) for _ in range(runs)]
    measured.sort(key=lambda figures: figures["seconds"])
    median = measured[len(measured) // 2]
    figures = {key: round(value, 4) for key, value in median.items()}
    return {"workload": name, "store": "sqlite", "durability": durability, **figures}


async def _once(name: str, durability: Durability) -> Figures:
    return await WORKLOADS[name](durability)


if __name__ == "__main__":
    main()
