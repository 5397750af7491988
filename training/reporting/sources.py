"""Where the text comes from: each source with its licence, size and share."""

from dataclasses import dataclass
from typing import Any

from engine.i18n import tr
from training.reporting.elements import Child, Element, element, missing, table
from training.reporting.log import amount
from training.reporting.numbers import compact, percent
from training.reporting.run import Run

_ADDRESS_STARTS = ("https://", "http://")


@dataclass(frozen=True)
class SourceFacts:
    """One source of one stage. `bytes` and `share` are 0 where nothing tells them."""

    name: str
    stage: str
    language: str
    licence: str
    url: str
    records: float
    bytes: float
    share: float


def sources_of(run: Run) -> list[SourceFacts]:
    """Return the sources that the data's own list names, or else the model card."""
    listed = run.data.get("sources")
    if isinstance(listed, dict):
        return [_facts(entry, "name", "kept") for entry in listed.values() if _is_object(entry)]
    credits = run.card.get("data")
    entries = credits if isinstance(credits, list) else []
    return [_facts(entry, "source", "records") for entry in entries if _is_object(entry)]


def shares_of(run: Run, stage: str) -> dict[str, float]:
    """Return the share of every source of a stage, as the mixture weighs them.

    A source without a share counts by its size among the others without one.
    """
    facts = [one for one in sources_of(run) if one.stage == stage]
    left = max(0.0, 1 - sum(one.share for one in facts))
    free_bytes = sum(one.bytes for one in facts if not one.share) or 1.0
    shares = {one.name: one.share or left * one.bytes / free_bytes for one in facts}
    return shares if any(shares.values()) else {}


def section(run: Run) -> Element:
    """Return the table of all sources."""
    facts = sources_of(run)
    if not facts:
        return missing(tr("There is no data/sources.json; training.data writes it."))
    header: list[Child] = [tr("source"), tr("stage"), tr("language"), tr("licence")]
    header += [tr("records"), tr("size"), tr("share")]
    shares = {stage: shares_of(run, stage) for stage in {one.stage for one in facts}}
    rows = []
    for one in facts:
        total = sum(shares[one.stage].values())
        rows.append(
            [
                _link(one),
                one.stage,
                one.language,
                one.licence,
                f"{one.records:,.0f}",
                compact(one.bytes, "B") if one.bytes else "",
                percent(shares[one.stage][one.name] / total) if total else "",
            ]
        )
    return table(header, rows, numeric_from=4)


def _facts(entry: dict[str, Any], name: str, records: str) -> SourceFacts:
    def text(key: str) -> str:
        return str(entry.get(key, ""))

    return SourceFacts(
        text(name),
        text("stage"),
        text("language"),
        text("licence"),
        text("url"),
        amount(entry, records),
        amount(entry, "kept_bytes"),
        amount(entry, "share"),
    )


def _is_object(entry: object) -> bool:
    return isinstance(entry, dict)


def _link(facts: SourceFacts) -> Child:
    """Return the name, as a plain link where the address is one."""
    if not facts.url.startswith(_ADDRESS_STARTS):
        return facts.name
    return element("a", facts.name, href=facts.url, rel="noreferrer")
