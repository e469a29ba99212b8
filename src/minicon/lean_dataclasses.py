"""The part of :mod:`dataclasses` that minicon uses, at a twentieth of the cost per class.

The standard decorator generates, compiles and runs source code for each method when the class is
defined: half a millisecond per class, a quarter of a command's time. Here methods are closures,
and ``__init__`` is compiled when there are many instances; most classes of a command have none or
a few.

Type checkers see the standard module. ``InitVar``, ``KW_ONLY`` and ``__post_init__`` are not
supported, because minicon does not use them. See docs/adr/0008-start-up-time.md.
"""

# ruff: noqa: ANN001, ANN002, ANN003, ANN201, ANN202, ANN204 - checkers see the standard library's

from __future__ import annotations

import operator

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dataclasses import MISSING, asdict, dataclass, field, fields, replace
else:

    class _Missing:
        """Marks a field without a default."""

    MISSING = _Missing()
    #: Instances of a class after which compiling its ``__init__`` pays off (0.2 ms).
    _COMPILED_AFTER = 20
    _set = object.__setattr__

    class Field:
        """One field of a class, from its annotation and its default."""

        __slots__ = ("compare", "default", "default_factory", "kw_only", "name", "repr", "type")
        #: Every field is an argument of the constructor.
        init = True

        def __init__(self, default, default_factory, repr, compare):  # noqa: A002
            self.default = default
            self.default_factory = default_factory
            self.repr = repr
            self.compare = compare
            self.kw_only = False
            self.name = self.type = ""

    def field(*, default=MISSING, default_factory=MISSING, repr=True, compare=True):  # noqa: A002
        """As :func:`dataclasses.field`."""
        return Field(default, default_factory, repr, compare)

    def dataclass(
        cls=None,
        *,
        frozen=False,
        slots=False,
        kw_only=False,
        order=False,
        repr=True,  # noqa: A002
    ):
        """As :func:`dataclasses.dataclass`."""

        def decorate(cls):
            return _decorated(cls, frozen, slots, kw_only, order, repr)

        return decorate if cls is None else decorate(cls)

    def fields(of):
        """As :func:`dataclasses.fields`."""
        return tuple(of.__dataclass_fields__.values())

    def replace(instance, /, **changes):
        """As :func:`dataclasses.replace`."""
        for name in instance.__dataclass_fields__:
            if name not in changes:
                changes[name] = getattr(instance, name)
        return instance.__class__(**changes)

    def asdict(instance):
        """As :func:`dataclasses.asdict`, for fields without mutable containers."""
        return {name: _plain(getattr(instance, name)) for name in instance.__dataclass_fields__}

    def _plain(value):
        if hasattr(value.__class__, "__dataclass_fields__"):
            return asdict(value)
        return tuple(map(_plain, value)) if isinstance(value, tuple) else value

    def _decorated(cls, frozen, slots, kw_only, order, repr):  # noqa: A002
        own = _own_fields(cls, kw_only)
        every = {}
        for base in cls.__mro__[-1:0:-1]:
            every.update(getattr(base, "__dataclass_fields__", {}))
        every.update(own)
        for name, each in own.items():
            _keep_default(cls, name, each)
        if slots:
            cls = _with_slots(cls, own)
        cls.__dataclass_fields__ = every
        cls.__match_args__ = tuple(name for name, each in every.items() if not each.kw_only)
        _add_init(cls, frozen)
        _add_comparison(cls, every, frozen, order)
        if repr and "__repr__" not in cls.__dict__:
            cls.__repr__ = _repr
        if frozen:
            cls.__setattr__ = _refuse_to_set
            cls.__delattr__ = _refuse_to_delete
            if slots:
                cls.__getstate__ = _get_state
                cls.__setstate__ = _set_state
        return cls

    def _own_fields(cls, kw_only):
        own = {}
        for name, annotation in cls.__annotations__.items():
            if "ClassVar" in str(annotation):
                continue
            default = cls.__dict__.get(name, MISSING)
            each = default if isinstance(default, Field) else Field(default, MISSING, True, True)
            each.name, each.type, each.kw_only = name, annotation, kw_only
            own[name] = each
        return own

    def _keep_default(cls, name, each):
        """Replace a field in the class by its default, or remove it, as the standard does."""
        if each.default is not MISSING:
            setattr(cls, name, each.default)
        elif name in cls.__dict__:
            delattr(cls, name)

    def _with_slots(cls, own):
        """Create the class again, because slots can be set only on creation."""
        content = {k: v for k, v in cls.__dict__.items() if k not in own}
        content.pop("__dict__", None)
        content.pop("__weakref__", None)
        content["__slots__"] = tuple(own)
        made = type(cls)(cls.__name__, cls.__bases__, content)
        made.__qualname__ = cls.__qualname__
        return made

    def _add_init(cls, frozen):
        left = _COMPILED_AFTER

        def __init__(self, *args, **kwargs):  # noqa: N807
            nonlocal left
            left -= 1
            if left < 0 or not _fill(cls, self, args, kwargs):
                cls.__init__ = _compiled_init(cls, frozen)
                cls.__init__(self, *args, **kwargs)

        __init__.__qualname__ = f"{cls.__qualname__}.__init__"
        cls.__init__ = __init__

    def _fill(cls, instance, args, kwargs):
        """Set the fields of one instance; False for wrong arguments, which the other refuses."""
        names = cls.__match_args__
        values = dict(zip(names, args, strict=False))
        if len(args) > len(names) or not values.keys().isdisjoint(kwargs):
            return False
        values.update(kwargs)
        every = cls.__dataclass_fields__
        if not values.keys() <= every.keys():
            return False
        for name, each in every.items():
            if name in values:
                value = values[name]
            elif each.default_factory is not MISSING:
                value = each.default_factory()
            elif each.default is not MISSING:
                value = each.default
            else:
                return False
            _set(instance, name, value)
        return True

    def _compiled_init(cls, frozen):
        """The ``__init__`` that the standard decorator would compile at import."""
        names = {"_set": object.__setattr__, "_default": MISSING}
        body, positional, named = [], [], []
        for name, each in cls.__dataclass_fields__.items():
            value = name
            parameter = name
            if each.default_factory is not MISSING:
                names[f"_make_{name}"] = each.default_factory
                parameter = f"{name}=_default"
                value = f"_make_{name}() if {name} is _default else {name}"
            elif each.default is not MISSING:
                names[f"_default_{name}"] = each.default
                parameter = f"{name}=_default_{name}"
            (named if each.kw_only else positional).append(parameter)
            body.append(f" _set(self, {name!r}, {value})" if frozen else f" self.{name} = {value}")
        star = ["*"] if named else []
        head = ", ".join(["self", *positional, *star, *named])
        exec("\n".join([f"def __init__({head}):", *(body or [" pass"])]), names)
        made = names["__init__"]
        made.__qualname__ = f"{cls.__qualname__}.__init__"
        return made

    def _add_comparison(cls, every, frozen, order):
        compared = [name for name, each in every.items() if each.compare]
        values = operator.attrgetter(*compared) if compared else _nothing

        def __eq__(self, other):  # noqa: N807
            if other.__class__ is not self.__class__:
                return NotImplemented
            return values(self) == values(other)

        def __hash__(self):  # noqa: N807
            return hash(values(self))

        hashes = cls.__dict__.get("__hash__") is not None
        if "__eq__" not in cls.__dict__:
            cls.__eq__ = __eq__
        if not hashes:
            cls.__hash__ = __hash__ if frozen else None
        if order:
            for name in ("lt", "le", "gt", "ge"):
                setattr(cls, f"__{name}__", _ordering(getattr(operator, name), values))

    def _ordering(compare, values):
        def method(self, other):
            if other.__class__ is not self.__class__:
                return NotImplemented
            return compare(values(self), values(other))

        return method

    def _nothing(_instance):
        return ()

    def _repr(self):
        shown = ", ".join(
            f"{name}={getattr(self, name)!r}"
            for name, each in self.__dataclass_fields__.items()
            if each.repr
        )
        return f"{self.__class__.__qualname__}({shown})"

    def _refuse_to_set(self, name, _value):
        raise AttributeError(f"{self.__class__.__qualname__} is immutable: cannot set {name!r}")

    def _refuse_to_delete(self, name):
        raise AttributeError(f"{self.__class__.__qualname__} is immutable: cannot delete {name!r}")

    def _get_state(self):
        return [getattr(self, name) for name in self.__dataclass_fields__]

    def _set_state(self, state):
        for name, value in zip(self.__dataclass_fields__, state, strict=True):
            object.__setattr__(self, name, value)


__all__ = ["MISSING", "asdict", "dataclass", "field", "fields", "replace"]
