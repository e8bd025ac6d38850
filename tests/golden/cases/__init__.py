"""The golden cases, one module per operator family; each has a function `cases(make)` that yields dicts."""
