"""Residency: every way by which bytes can leave an office's region, found in what the program declares.

`walk` goes over an office's declared resources and lists each edge that leads out of the office (or into it),
with the most telling thing that could travel along it. An edge that the office file does not name, with a
reason, is a finding: in the preview of a pull request, in the tests, and in `python -m residency`.
"""
