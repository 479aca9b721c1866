"""
An extension for the reference: fields of attrs and of dataclasses are shown by their defaults.

What makes them, `field(default=15.0, validator=…)`, tells a reader nothing; and classes of attrs have a
signature, as dataclasses have.
Pages that a docstring names by their file are links.
"""

import re
from typing import Any

import griffe

PAGE = re.compile(r"docs/((?:[a-z-]+/)*)([a-z-]+)\.md(#[a-z0-9-]+)?")
LINK = r"[\2](../../\1\2/\3)"
"""From a page of the reference, which is a folder in the folder `reference` when it is built."""

KEYWORD, EITHER = griffe.ParameterKind.keyword_only, griffe.ParameterKind.positional_or_keyword


class FieldsShown(griffe.Extension):
    """Is called by griffe when a package is loaded, before dataclasses get their signature."""

    def on_package(self, *, pkg: griffe.Module, **kwargs: Any) -> None:
        """Goes through all classes of a package."""
        for module in [pkg, *_modules(pkg)]:
            for member in module.members.values():
                if not member.is_alias and member.is_class:
                    _simplify(member)
            _link_pages(module)


def _modules(package: griffe.Module) -> list[griffe.Module]:
    inner = [member for member in package.members.values() if not member.is_alias and member.is_module]
    return [each for module in inner for each in (module, *_modules(module))]


def _link_pages(owner: Any) -> None:
    if owner.docstring is not None:
        owner.docstring.value = PAGE.sub(LINK, owner.docstring.value)
    for member in owner.members.values():
        if not member.is_alias and not member.is_module:
            _link_pages(member)


def _simplify(kind: Any) -> None:
    fields = [each for each in kind.members.values() if each.is_attribute and each.annotation is not None]
    for each in fields:
        if isinstance(each.value, griffe.ExprCall) and str(each.value.function).endswith("field"):
            options = _options(each.value)
            if "init" not in options:
                each.value = options.get("default", _made(options))
    decorator = next((str(each.value) for each in kind.decorators if _is_attrs(str(each.value))), None)
    if decorator is not None and fields and "__init__" not in kind.members:
        how = KEYWORD if "kw_only=True" in decorator else EITHER
        parameters = [
            griffe.Parameter(each.name, annotation=each.annotation, kind=how, default=each.value)
            for each in fields
        ]
        own = griffe.Parameter("self", kind=EITHER)
        init = griffe.Function("__init__", parameters=griffe.Parameters(own, *parameters), returns="None")
        kind.set_member("__init__", init)


def _is_attrs(decorator: str) -> bool:
    return decorator.partition("(")[0] in ("frozen", "define")


def _options(call: Any) -> dict[str, Any]:
    return {each.name: each.value for each in call.arguments if isinstance(each, griffe.ExprKeyword)}


def _made(options: dict[str, Any]) -> Any:
    factory = options.get("factory", options.get("default_factory"))
    return None if factory is None else griffe.ExprCall(factory, [])
