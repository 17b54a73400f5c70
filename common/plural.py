"""A number with its unit, in a sentence."""


def counted(number: int, unit: str, plural: str = "") -> str:
    """1 repeat, 3 repeats, 1,024 jobs. plural: such as "copies", if it is not the unit with an s."""
    return f"{number:,} {unit if number == 1 else plural or unit + 's'}"
