"""Round numbers for axes, and numbers as text."""

import math

_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def number(value: float, digits: int = 3) -> str:
    """Three digits at most, unless more are asked for: 0.0283, −3.1, 2×10⁻⁵."""
    return _plain(value, digits).replace("-", "−", 1) if value < 0 else _plain(value, digits)


def _plain(value: float, digits: int) -> str:
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    power = math.floor(math.log10(abs(value)))
    if -4 <= power <= 4:
        return f"{value:.{digits}g}" if power < digits else f"{value:,.0f}"
    lead, exponent = f"{value:.{max(digits - 2, 0)}e}".split("e")  # 9.99 rounds up to 10
    lead = f"{float(lead):g}"
    return {"1": "", "-1": "-"}.get(lead, f"{lead}×") + f"10{raised(int(exponent))}"


def digits(value: float, count: int = 3) -> str:
    """So many digits; a dash where there is no number."""
    return number(value, count) if math.isfinite(value) else "–"


def percent(value: float) -> str:
    """A share in percent; a dash where there is no number."""
    return "–" if math.isnan(value) else f"{100 * value:.1f} %"


def raised(power: int) -> str:
    """⁻³, as it stands after a 10."""
    return str(power).translate(_RAISED)


def numbers(values: list[float]) -> list[str]:
    """Each as `number`, with as many digits as tell them apart, 8 at most."""
    for digits in range(3, 9):
        texts = [number(value, digits) for value in values]
        if len(set(texts)) == len(texts):
            break
    return texts


def linear_ticks(low: float, high: float, most: int) -> list[float]:
    """At most `most` round values within [low, high], at a step of 1, 2 or 5 times a power of ten."""
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(s * power for s in (1, 2, 5, 10, 20) if _count(low, high, s * power) <= most)
    first = math.ceil(low / step - 1e-9)
    return [round((first + i) * step, 12) + 0.0 for i in range(_count(low, high, step))]


def _count(low: float, high: float, step: float) -> int:
    return math.floor(high / step + 1e-9) - math.ceil(low / step - 1e-9) + 1


def round_below(value: float) -> float:
    """The largest of 1, 1.5, 2, 3, 4, 5, 6, 8 times a power of ten that does not exceed a positive value."""
    power = 10.0 ** math.floor(math.log10(value))
    return round(max(lead for lead in (1, 1.5, 2, 3, 4, 5, 6, 8) if lead * power <= value * (1 + 1e-9)) * power, 12)


def log_ticks(low: float, high: float, most: int) -> list[float]:
    """At most `most` round values whose log10 lies in [low, high]: 1-2-5, 1-3, decades, or every nth."""
    decades = range(math.floor(low), math.ceil(high) + 1)
    for leads in ((1, 2, 5), (1, 3), (1,)):
        values = [lead * 10.0**power for power in decades for lead in leads]
        values = [value for value in values if low - 1e-9 <= math.log10(value) <= high + 1e-9]
        if 2 <= len(values) <= most:
            return values
    if len(values) < 2:
        return linear_ticks(10.0**low, 10.0**high, most)
    stride = math.ceil(len(values) / most)
    return [value for value in values if round(math.log10(value)) % stride == 0]


def apart(low: float, high: float) -> int:
    """Significant digits that tell places in an interval apart to a hundredth of it."""
    return math.floor(math.log10(max(abs(low), abs(high)))) - math.floor(math.log10(high - low)) + 3


def interval(low: float, high: float) -> str:
    """[−0.4, 0.215], rounded to a hundredth of its width."""
    decimals = 2 - math.floor(math.log10(high - low))
    return "[" + ", ".join(f"{round(end, decimals) + 0.0:.12g}".replace("-", "−") for end in (low, high)) + "]"
