"""Every example in the docstrings of `chainrule.nn` runs and shows what it says."""

import doctest
import importlib
import pkgutil

import pytest

from chainrule import nn

MODULES = sorted(module.name for module in pkgutil.walk_packages(nn.__path__, "chainrule.nn."))


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    result = doctest.testmod(importlib.import_module(name))
    assert result.failed == 0
