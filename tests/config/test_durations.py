import pytest

from meerkat_rpc.durations import duration_ms
from meerkat_rpc.errors import InvalidArgument


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0s", 0), ("90s", 90), ("30min", 1800), ("12h", 43_200), ("30d", 2_592_000), (" 2w ", 1_209_600)],
)
def test_a_duration_is_a_number_and_a_unit(text: str, seconds: int) -> None:
    assert duration_ms(text, "--older-than") == seconds * 1000


@pytest.mark.parametrize(
    "text", ["", "30", "d", "-1d", "1.5h", "1 d", "1m", "1mo", "1y", "1D", "1d12h", "9" * 10 + "d", "٣d"]
)
def test_anything_else_is_refused_with_the_forms_there_are(text: str) -> None:
    with pytest.raises(InvalidArgument, match=r"--older-than: expected a duration such as 90s, 30min, 12h, 30d or 2w"):
        duration_ms(text, "--older-than")
