import tomllib

import pytest

from meerkat_rpc.config_lines import line_of

FILE = (
    '''\
# [a] is no header here
top = 1 # b = 2

[ a . "b.c" ]  # a comment
x = """
y = 1
[z]
"""
y = [
  1, # ]
  "]", ']',
]
'it''s' = 3
'''.replace("'it''s'", "'it s'")
    + """
[a.d]
e.f = { g = 1, h = "#" }
"\\u00fc" = 'C:\\'
[[list]]
n = 1
[[list]]
n = 2"""
)


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        (("top",), 2),
        (("a", "b.c"), 4),
        (("a", "b.c", "x"), 5),
        (("a", "b.c", "y"), 9),
        (("a", "b.c", "it s"), 13),
        (("a", "d"), 15),
        (("a", "d", "e"), 16),
        (("a", "d", "e", "f", "g"), 16),
        (("a", "d", "ü"), 17),
        (("a",), 4),
        (("list",), 18),
        (("nowhere",), 1),
    ],
)
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_a_setting_is_found_by_its_keys(keys: tuple[str, ...], line: int, ends: str) -> None:
    assert tomllib.loads(FILE)
    assert line_of(keys, FILE.replace("\n", ends)) == line


def test_a_long_file_is_searched_once() -> None:
    text = "".join(f'[mcp.servers.s{number}]\nargs = ["{"x" * 20}"]\n' for number in range(5000))
    assert line_of(("mcp", "servers", "s4999", "args"), text) == 10_000
