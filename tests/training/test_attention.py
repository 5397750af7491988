"""Attention is exactly the plain formula, on every path, within documents."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from training import attention
from training.attention import QUERY_BLOCK, attend, attention_mask

CPU = torch.device("cpu")


def projections(length: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return queries of six heads, and keys and values of two groups."""
    torch.manual_seed(length)
    return tuple(torch.randn(2, heads, length, 8, requires_grad=True) for heads in (6, 2, 2))  # type: ignore[return-value]


def plain(query: Tensor, key: Tensor, value: Tensor, documents: Tensor) -> Tensor:
    """Return softmax(q · k / √d) · v with a boolean mask, by torch."""
    visible = (documents[:, :, None] == documents[:, None, :]).tril()
    return F.scaled_dot_product_attention(query, key, value, visible[:, None], enable_gqa=True)


def gradients(attended: Tensor, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    torch.manual_seed(0)
    return torch.autograd.grad(attended, inputs, torch.randn_like(attended))


@given(
    length=st.integers(1, 2 * QUERY_BLOCK + 40),
    begins=st.lists(st.integers(1, 2 * QUERY_BLOCK), max_size=8),
)
@settings(max_examples=25, deadline=None)
def test_values_and_gradients_are_those_of_torch(length: int, begins: list[int]) -> None:
    inputs = projections(length)
    documents = torch.zeros(2, length, dtype=torch.long)
    for begin in begins:
        documents[0, begin:] += 1
    found = attend(*inputs, attention_mask(documents, length, CPU))
    expected = plain(*inputs, documents)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    pairs = zip(gradients(found, inputs), gradients(expected, inputs), strict=True)
    for one, other in pairs:
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_packed_documents_get_the_very_values_that_each_gets_alone() -> None:
    query, key, value = projections(300)
    first = 130
    documents = (torch.arange(300) >= first).long().expand(2, -1)
    together = attend(query, key, value, attention_mask(documents, 300, CPU))
    for part in (slice(0, first), slice(first, 300)):
        length = part.stop - part.start
        cut = (x[:, :, part] for x in (query, key, value))
        alone = attend(*cut, attention_mask(None, length, CPU))
        torch.testing.assert_close(together[:, :, part], alone, rtol=1e-5, atol=1e-6)


def test_another_document_changes_nothing_not_even_a_bit() -> None:
    query, key, value = projections(300)
    documents = (torch.arange(300) >= 130).long().expand(2, -1)
    mask = attention_mask(documents, 300, CPU)
    before = attend(query, key, value, mask)
    with torch.no_grad():
        for x in (query, key, value):
            x[:, :, :130] += 7
    assert torch.equal(attend(query, key, value, mask)[:, :, 130:], before[:, :, 130:])


@pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile")
def test_the_block_masks_of_graphics_cards_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def uncompiled(function: Callable[..., Any]) -> Callable[..., Any]:
        return function

    monkeypatch.setattr(attention, "_compiled", uncompiled)
    documents = torch.cumsum(torch.rand(2, 300) < 0.03, 1)
    inputs = [x.detach() for x in projections(300)]
    found = attend(*inputs, attention._block_mask(documents))
    torch.testing.assert_close(found, plain(*inputs, documents), rtol=1e-4, atol=1e-5)
