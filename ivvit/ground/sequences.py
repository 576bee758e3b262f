"""Sequences whose values are found where they are asked for."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Generic, TypeVar, overload

Value = TypeVar("Value", covariant=True)


class Computed(Sequence[Value], Generic[Value]):
    """A sequence of which a subclass says the length and the value at a place."""

    @abstractmethod
    def value(self, place: int) -> Value:
        """The value at a place, 0 <= place < length."""

    @overload
    def __getitem__(self, index: int) -> Value: ...
    @overload
    def __getitem__(self, index: slice) -> list[Value]: ...
    def __getitem__(self, index: int | slice) -> Value | list[Value]:
        places = range(len(self))[index]
        return self.value(places) if isinstance(places, int) else [self.value(place) for place in places]
