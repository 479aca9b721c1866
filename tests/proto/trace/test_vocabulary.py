"""Every value that may cross the seam has its place in a trace, and comes back from there as it was."""

import importlib
import inspect
import pkgutil
import types
import typing
from collections.abc import Iterator
from enum import Enum
from typing import Any, NewType, TypeAliasType

import attrs
import pytest
from house.fuzz import examples
from hypothesis import given, settings
from hypothesis import strategies as st

import odyssey_proto
from odyssey_proto import trace
from odyssey_proto.kernel.failures import Failure, FailureKind, UsageLimit
from odyssey_proto.kernel.introspection import fields_of, has_fields
from odyssey_proto.kernel.json_text import compact, parse
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.model.credentials import ClientCredentials
from odyssey_proto.seam.commands import Call, Command, CommandId
from odyssey_proto.seam.outputs import ClientInput, ClientOutput, Completed
from odyssey_proto.seam.settings import Settings
from odyssey_proto.service.io.seam import ServiceInput, ServiceOutput
from odyssey_proto.testing.strategies.messages import PARAMS, RESULTS, json_values
from odyssey_proto.trace import CODEC, ServiceSettings, UnknownValueError, public_names
from odyssey_proto.trace.codec import Codec

SEAM = (ClientInput, ClientOutput, ServiceInput, ServiceOutput, Settings, ServiceSettings)
CLASSES = sorted(CODEC.classes.items())


def parts(hint: Any) -> Iterator[Any]:
    """Returns the classes that a type is made of."""
    if isinstance(hint, TypeAliasType):
        yield from parts(hint.__value__)
    elif isinstance(hint, NewType):
        yield from parts(hint.__supertype__)
    elif typing.get_args(hint):
        for inner in typing.get_args(hint):
            yield from parts(inner)
    elif isinstance(hint, type):
        yield hint


def reachable(*hints: Any) -> set[type]:
    """Returns the values and Enums that can be reached from some types by way of their fields."""
    found: set[type] = set()
    waiting = [cls for hint in hints for cls in parts(hint)]
    while waiting:
        cls = waiting.pop()
        if cls in found or not (has_fields(cls) or issubclass(cls, Enum)):
            continue
        found.add(cls)
        if has_fields(cls):
            fields = typing.get_type_hints(cls)
            waiting += [inner for field in fields_of(cls) for inner in parts(fields[field.name])]
    return found


def test_everything_that_may_cross_the_seam_has_its_place() -> None:
    missing = reachable(*SEAM) - set(CODEC.classes.values())
    assert missing == set(), "add the module of these to odyssey_proto/trace/vocabulary.py"


def test_every_reason_to_be_woken_has_its_place() -> None:
    modules = [
        importlib.import_module(info.name)
        for info in pkgutil.walk_packages(odyssey_proto.__path__, "odyssey_proto.")
        # Neither the wire's codecs nor the player of recordings is recorded itself.
        if not info.name.startswith(("odyssey_proto.wire", "odyssey_proto.playback"))
    ]
    reasons = {
        member
        for module in modules
        for name, member in vars(module).items()
        if isinstance(member, type) and issubclass(member, Enum) and name.endswith("Timer")
    }
    assert len(reasons) == 2
    assert reasons - set(CODEC.classes.values()) == set()


def test_a_new_class_of_the_seam_without_a_place_is_found() -> None:
    @attrs.frozen
    class Fresh:
        """Not in any module of the vocabulary."""

    @attrs.frozen
    class Holder:
        field: Fresh

    assert {Fresh, Holder} == reachable(Holder | None) - set(CODEC.classes.values())


CREDENTIALS = ClientCredentials("wss://a.example", "eyJ9.eyJzZXNzaW9uX2lkIjoicyJ9.x")


def made(cls: type[Any]) -> st.SearchStrategy[Any]:
    """Returns values of a class, made from what its fields say of themselves."""
    if issubclass(cls, Enum):
        return st.sampled_from(cls)
    if cls is ClientCredentials:
        return st.just(CREDENTIALS)
    hints = typing.get_type_hints(cls)
    strategies = {each.argument: of_type(hints[each.name]) for each in fields_of(cls) if each.argument}
    said = inspect.signature(cls).parameters
    needed = {name for name in strategies if said[name].default is inspect.Parameter.empty}
    return (
        st.fixed_dictionaries(
            {name: strategies[name] for name in needed},
            optional={name: strategies[name] for name in strategies.keys() - needed},
        )
        .map(lambda given: built(cls, given))
        .filter(lambda x: x is not None)
    )


def built(cls: type[Any], given: dict[str, Any]) -> Any:
    try:
        return cls(**given)
    except (ValueError, TypeError):
        return None


def of_type(hint: Any) -> st.SearchStrategy[Any]:
    if isinstance(hint, TypeAliasType):
        return of_type(hint.__value__)
    if isinstance(hint, NewType):
        return of_type(hint.__supertype__)
    if hint is Any:
        return json_values
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin is tuple:
        if inner[-1] is ...:
            return st.lists(st.deferred(lambda: of_type(inner[0])), max_size=2).map(tuple)
        return st.tuples(*(of_type(each) for each in inner))
    if origin is list:
        return st.lists(st.deferred(lambda: of_type(inner[0])), max_size=2)
    if origin in (types.UnionType, typing.Union):
        return st.one_of([of_type(each) for each in inner])
    if hint is typing.Self:
        return st.just(Failure(FailureKind.STATE, "inside"))
    return SIMPLE[hint] if hint in SIMPLE else st.deferred(lambda: made(hint))


texts = st.text(max_size=12)
SIMPLE: dict[Any, st.SearchStrategy[Any]] = {
    str: texts | st.text(st.characters(), max_size=4),
    int: st.integers(0, 10**6),
    float: st.floats(0.1, 1000, allow_nan=False),
    bool: st.booleans(),
    bytes: st.binary(max_size=12),
    Secret: texts.map(Secret),
    type(None): st.none(),
}


def there_and_back(value: Any) -> Any:
    return CODEC.decode(parse(compact(CODEC.encode(value))))


UNMADE = {
    "SimulationRequest",
    "ServiceConfig",
    "JsonEndpoint",
    "WhepOfferEndpoint",
    "WhepLeaveEndpoint",
}
"""What keeps rules between its fields is tried out with its own strategies, or never crosses the seam."""

PRIVATE = {name for name, cls in CLASSES if not issubclass(cls, Enum)} - {
    CODEC.name_of(cls) for cls in reachable(*SEAM)
}


@pytest.mark.parametrize("name", [name for name, cls in CLASSES if name not in UNMADE | PRIVATE])
def test_every_class_comes_back(name: str) -> None:
    @settings(max_examples=examples(15), deadline=None)
    @given(made(CODEC.classes[name]))
    def try_out(value: Any) -> None:
        again = there_and_back(value)
        assert again == value
        assert type(again) is type(value)

    try_out()


@pytest.mark.parametrize("name", PARAMS)
def test_what_is_asked_and_answered_comes_back(name: str) -> None:
    @settings(max_examples=examples(20), deadline=None)
    @given(PARAMS[name], RESULTS[name])
    def try_out(params: Any, result: Any) -> None:
        asked = Command(CommandId(1), Call(name, params))
        assert there_and_back(asked) == asked
        done = Completed(CommandId(1), result)
        assert there_and_back(done) == done

    try_out()


@given(json_values)
def test_what_the_service_says_of_a_limit_comes_back(value: Any) -> None:
    limit = UsageLimit("A", "b", details=(("c", value),))
    assert there_and_back(limit) == limit


def test_half_a_surrogate_pair_comes_back() -> None:
    assert there_and_back("\ud800 half") == "\ud800 half"


def test_a_librarys_number_is_a_number() -> None:
    from enum import IntEnum

    class Code(IntEnum):
        GONE = 1001

    assert there_and_back((Code.GONE,)) == (1001,)


@pytest.mark.parametrize("value", [object(), {1}, Codec, 1j, st])
def test_what_is_none_of_ours_has_no_place(value: Any) -> None:
    with pytest.raises(UnknownValueError, match="has no place"):
        CODEC.encode((value,))


def test_a_value_without_bottom_has_no_place() -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(UnknownValueError, match="deeper"):
        CODEC.encode(loop)


def test_two_classes_of_one_name_need_a_prefix() -> None:
    from odyssey_proto.model import script
    from odyssey_proto.seam import commands

    with pytest.raises(AssertionError, match="two classes of the seam are named Interact"):
        Codec({"": (commands, script)})
    assert Codec({"": (commands,), "script.": (script,)}).name_of(script.Interact) == "script.Interact"


def test_what_the_package_offers_is_one_list() -> None:
    assert set(trace.__all__) == set(public_names.__all__)
    assert {name for name in dir(trace) if not name.startswith("_")} >= set(trace.__all__)
    assert not hasattr(trace, "Any")
    assert not hasattr(trace, "__wrapped__")
    with pytest.raises(AttributeError, match=r"module 'odyssey_proto\.trace' has no attribute 'nothing'"):
        _ = trace.nothing
