"""The guide: pages of Markdown that people read, here and in `examples/guides/`, which is made from them by `make guides`.

`pages.py` finds the section that explains a name. A section explains the names that stand in backquotes in its heading.
"""
