"""The table that compares recipes."""

from __future__ import annotations

import math

from rich import box
from rich.table import Table

from golden.cli import output

from ..metrics import Result


def recipe_ratios(results: list[Result], base: str) -> dict[str, dict[str, float]]:
    """Recipe -> geometric mean over the designs of area, critical path and their product, each
    over that of recipe ``base``; designs that any recipe failed on are left out."""
    figures: dict[str, dict[str, Result]] = {}
    for result in results:
        figures.setdefault(result.design, {})[result.provenance.recipe] = result
    recipes = list(dict.fromkeys(result.provenance.recipe for result in results))
    whole = [
        of
        for of in figures.values()
        if len(of) == len(recipes) and all(result.status == "ok" for result in of.values())
    ]

    def mean(recipe: str, name: str) -> float:
        logs = [math.log(of[recipe][name] / of[base][name]) for of in whole]
        return math.exp(sum(logs) / len(logs)) if logs else math.nan

    return {
        recipe: {
            "area": mean(recipe, "area"),
            "critical_path": mean(recipe, "critical_path"),
            "product": mean(recipe, "area") * mean(recipe, "critical_path"),
        }
        for recipe in recipes
    }


def show_recipes(results: list[Result], base: str) -> None:
    """Print how recipes compare over all designs of ``results``."""
    table = Table(
        title=f"geometric means, {base} = 1",
        title_justify="left",
        box=box.SIMPLE_HEAD,
    )
    table.add_column("recipe")
    for heading in ("area", "critical path", "area x delay"):
        table.add_column(heading, justify="right")
    for recipe, ratios in recipe_ratios(results, base).items():
        table.add_row(recipe, *(f"{value:.2f}" for value in ratios.values()))
    output.print(table)
