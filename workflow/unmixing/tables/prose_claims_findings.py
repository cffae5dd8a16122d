"""What the rules on claims say: measured numbers, the side each is on, and the finding that they make together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from unmixing.errors import UnmixingError
from unmixing.statistics import Interval

Verdict = Literal["holds", "contradicted", "not borne out", "inconclusive", "not tested"]
Basis = Literal["measured", "printed", "released sheet", "text"]
Need = Literal["all", "any", "overall"]
Bounds = tuple[float | None, float | None]

VERDICTS: tuple[Verdict, ...] = ("holds", "contradicted", "not borne out", "inconclusive", "not tested")
INDICATIVE = "indicative: "


@dataclass(frozen=True)
class Finding:
    """What decides a claim.

    Attributes:
        verdict: ``not borne out``: what should differ does not, within the bound of equivalence.
        sentence: The numbers in words, or why there are none.
        number: The deciding one; None where there is none.
        unit: Of the number.
        n: Values behind it.
        low: Of its 95 % interval; None without one.
        high: Likewise.
        values: Printed where there are too few for an interval.
        basis: What was looked at; only measured numbers can be indicative.
        same_scale: Whether measured rows have the paper's scene and scale.
    """

    verdict: Verdict
    sentence: str
    number: float | None = None
    unit: str = ""
    n: int | None = None
    low: float | None = None
    high: float | None = None
    values: tuple[float, ...] = ()
    basis: Basis = "measured"
    same_scale: bool = False

    @property
    def printed(self) -> str:
        """The verdict as it is printed."""
        counts = self.basis != "measured" or self.same_scale or self.verdict == "not tested"
        return self.verdict if counts else INDICATIVE + self.verdict


def not_tested(why: str) -> Finding:
    """Return the finding of a claim that nothing at hand decides."""
    return Finding("not tested", why)


@dataclass(frozen=True)
class Measured:
    """One measured number on one scene, and which side it is on.

    Attributes:
        place: Scene, or scene and what was compared.
        side: ``better``, ``worse``, ``same``, ``undecided`` or ``untested``.
        number: In ``unit``.
        unit: Of the number.
        n: Values behind it.
        low: Of its 95 % interval.
        high: Likewise.
        values: Printed below five.
        same_scale: Whether scene and scale are the paper's.
        absolute: Whether the number is no difference, and has no sign.
    """

    place: str
    side: str
    number: float
    unit: str = "rad"
    n: int = 0
    low: float | None = None
    high: float | None = None
    values: tuple[float, ...] = ()
    same_scale: bool = False
    absolute: bool = False

    @property
    def words(self) -> str:
        """Place, number, interval and n."""
        form = ("" if self.absolute else "+") + (".2f" if self.unit.startswith("of ") else ".4f")
        told = f"{format(self.number, form)} {self.unit}"
        if self.low is not None and self.high is not None:
            told += f" [{format(self.low, form)}, {format(self.high, form)}]"
        return f"{self.place} {told.replace('-', '−')} (n = {self.n}, {self.side})"


def bounds_of(interval: Interval | None) -> Bounds:
    """Return the ends of an interval; None for both where there is none."""
    return (None, None) if interval is None else (interval.low, interval.high)


def beyond(bounds: Bounds, margin: float) -> str:
    """Return the side of the interval of a difference that must be none, of which a margin counts as none.

    Args:
        bounds: Of the difference.
        margin: In its unit.
    """
    low, high = bounds
    if low is None or high is None:
        return "untested"
    if -margin <= low and high <= margin:
        return "same"
    return "worse" if low > margin else "better" if high < -margin else "undecided"


def against_bound(bounds: Bounds, bound: float, below: str = "same", above: str = "worse") -> str:
    """Return the side of an interval that must lie below a bound, or above it.

    Args:
        bounds: Of the interval.
        bound: In its unit.
        below: The side of an interval wholly below, its end included.
        above: The side of one wholly above.
    """
    low, high = bounds
    if low is None or high is None:
        return "untested"
    return below if high <= bound else above if low > bound else "undecided"


def side_of(low: float | None, high: float | None, smaller_is_better: bool = True) -> str:
    """Return the side that an interval of a difference is on.

    Args:
        low: Its lower end; None without one.
        high: Its upper end.
        smaller_is_better: Whether a negative difference is the better one.
    """
    if low is None or high is None:
        return "untested"
    if low <= 0 <= high:
        return "undecided"
    return "better" if (high < 0) == smaller_is_better else "worse"


def decide(found: Sequence[Measured], claim: str, need: Need = "overall", lead: str = "") -> Finding:
    """Decide a claim on one or several scenes.

    Args:
        found: Numbers of the scenes.
        claim: The side that the claim says: ``better``, ``worse`` or ``same``.
        need: ``all``: it must hold on every scene; ``any``: on one; ``overall``: scenes with a finding must agree.
        lead: Begins the sentence.

    Returns:
        The finding; its number is that of the first scene that decides.

    Raises:
        UnmixingError: there is no number.
    """
    if not found:
        raise UnmixingError("a claim cannot be decided without a number; say why it is not tested instead")
    each = [_verdict(one.side, claim) for one in found]
    ranked: Sequence[Verdict] = ("contradicted", "not borne out", "inconclusive", "holds")
    verdict: Verdict
    if need == "all":
        verdict = next(name for name in ranked if name in each)
    elif need == "any":
        order: Sequence[Verdict] = ("holds", "inconclusive", "not borne out", "contradicted")
        verdict = next(name for name in order if name in each)
    else:
        decided = {name for name in each if name != "inconclusive"}
        verdict = decided.pop() if len(decided) == 1 else "inconclusive"
    first = next((one for one, own in zip(found, each, strict=True) if own == verdict), found[0])
    words = "; ".join(one.words for one in found)
    differ = "scenes differ: " if need == "overall" and len({*each} - {"inconclusive"}) > 1 else ""
    return Finding(
        verdict,
        f"{lead}{differ}{words}",
        first.number,
        first.unit,
        first.n,
        first.low,
        first.high,
        first.values,
        same_scale=all(one.same_scale for one in found),
    )


def _verdict(side: str, claim: str) -> Verdict:
    if side in ("undecided", "untested"):
        return "inconclusive"
    if side == claim:
        return "holds"
    return "not borne out" if side == "same" else "contradicted"


def said(holds: bool) -> Verdict:
    """Return ``holds`` or ``contradicted``."""
    return "holds" if holds else "contradicted"


def share(part: int, whole: int, verdict: Verdict, sentence: str, basis: Basis = "printed") -> Finding:
    """Return a finding that counts: so many of so many."""
    return Finding(verdict, sentence, float(part), f"of {whole}", whole, basis=basis)
