"""ForeignGRU's own work: each fault in it is rejected by the law named for it.

``layer`` stays right. The faults are in layouts, packing, stacking, states, parameters, refusals,
and in the bridge to autograd.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812  # as everybody calls it
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

from fixtures.cases.backend import Backend
from fixtures.cases.claims import Claim
from fixtures.cases.implementation import Implementation
from fixtures.proof.collection import covering_selection, group_of
from fixtures.proof.numpy_gru import DifferentiableNumpyGRU, NumpyGRU
from fixtures.proof.runner import Outcome, run_cases

CPU = Backend("cpu")


class PaddingOfNaN(NumpyGRU):
    """Not a fault: ``layer`` leaves NaN in the padding of ``output``, and reads that of ``x``."""

    def layer(
        self, x: Any, h_0: Any, lengths: list[int] | None, parameters: Mapping[str, Any]
    ) -> tuple[Any, Any]:
        """The results of NumpyGRU; h_n is NaN where a number of ``x`` is."""
        output, h_n = super().layer(x, h_0, lengths, parameters)
        h_n += 0 * float(x.sum())
        for row, length in enumerate(lengths or []):
            output[length:, row] = torch.nan
        return output, h_n


class RowsPackedAnew(NumpyGRU):
    """Rows of one length come in another order, since the output is packed by its lengths."""

    def _packed(self, output: Tensor, step_mask: Tensor, given: PackedSequence) -> PackedSequence:
        lengths = step_mask.sum(0).cpu()
        packed = pack_padded_sequence(output, lengths, enforce_sorted=False)
        return PackedSequence(packed.data, *given[1:])


class StatesOfSortedRows(NumpyGRU):
    """h_0 and h_n of a PackedSequence are in the order of the lengths, not in the caller's."""

    def _rows(self, states: Tensor, order: Tensor | None) -> Tensor:  # noqa: ARG002  # at fault
        return states


class PaddingReadByNextLayer(PaddingOfNaN):
    """A layer above reads what the one below has left in the padding."""

    def _without_padding(
        self,
        output: Tensor,
        step_mask: Tensor,  # noqa: ARG002  # at fault
    ) -> Tensor:
        return output


class OutputStaysTimeFirst(NumpyGRU):
    """The output is (T, B, D*H) under batch_first."""

    def _in_callers_layout(self, output: Tensor) -> Tensor:
        return output


class UnbatchedStateOfThreeDimensions(NumpyGRU):
    """h_n of an unbatched input is (L*D, 1, H)."""

    def forward(self, input: Any, hx: Tensor | None = None) -> Any:  # noqa: A002  # as nn.GRU
        """The results of NumpyGRU, but for the shape of h_n."""
        output, h_n = super().forward(input, hx)
        return output, h_n if h_n.dim() == 3 else h_n.unsqueeze(1)


class StatesDirectionMajor(NumpyGRU):
    """h_0 is read as (D, L): all forward states first."""

    def _states_of_layer(self, h_0: Tensor, k: int) -> Tensor:
        return h_0[k :: self.num_layers]


class StateLeftOver(NumpyGRU):
    """Without an h_0 it starts from the h_0 of the call before, if that fits."""

    left_over: Tensor | None = None

    def _initial_states(self, x: Tensor, hx: Tensor | None) -> Tensor:
        h_0 = super()._initial_states(x, hx)
        fits = self.left_over is not None and self.left_over.shape == h_0.shape
        before, self.left_over = self.left_over, h_0
        return before if hx is None and before is not None and fits else h_0


class StateBroadcast(NumpyGRU):
    """An h_0 of one row is taken for all rows."""

    def _initial_states(self, x: Tensor, hx: Tensor | None) -> Tensor:
        if hx is not None and hx.shape[1] == 1:
            hx = hx.expand(-1, x.shape[1], -1)
        return super()._initial_states(x, hx)


class LastLayerDropped(NumpyGRU):
    """The output of the last layer is dropped as well."""

    def _run_layers(
        self, x: Tensor, h_0: Tensor, step_mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        output, h_n = super()._run_layers(x, h_0, step_mask)
        return self.between_layers(output), h_n


class DropsInEvalMode(NumpyGRU):
    """Dropout does not end with training."""

    def between_layers(self, output: Tensor) -> Tensor:
        """The output with a mask, in every mode."""
        return F.dropout(output, self.dropout)


class BiasesFirst(NumpyGRU):
    """The parameters are in the order of the alphabet."""

    def _shapes(self, k: int) -> dict[str, tuple[int, ...]]:
        return dict(sorted(super()._shapes(k).items()))


class ParametersReadOnce(NumpyGRU):
    """The parameters of a layer are copied at the first call, and the copy is used ever after."""

    def _parameters_of_layer(self, k: int) -> dict[str, Tensor]:
        copies = vars(self).setdefault("copies", {})
        if k not in copies:
            parameters = super()._parameters_of_layer(k)
            copies[k] = {name: value.detach().clone() for name, value in parameters.items()}
        return copies[k]  # type: ignore[no-any-return]


class ComputesInFloat32(NumpyGRU):
    """Float64 is computed in float32."""

    def _run_layer(
        self, x: Tensor, h_0: Tensor, lengths: list[int] | None, k: int
    ) -> tuple[Tensor, Tensor]:
        results = super()._run_layer(x.float(), h_0.float(), lengths, k)
        return results[0].to(x.dtype), results[1].to(x.dtype)


class InitialStateWithoutGradient(DifferentiableNumpyGRU):
    """The bridge does not differentiate with respect to h_0."""

    def _states_of_layer(self, h_0: Tensor, k: int) -> Tensor:
        return super()._states_of_layer(h_0, k).detach()


#: Each with the law or truth that must reject it.
MUTANTS: dict[type[NumpyGRU], str] = {
    RowsPackedAnew: "07",
    StatesOfSortedRows: "07",
    PaddingReadByNextLayer: "07",
    OutputStaysTimeFirst: "06",
    UnbatchedStateOfThreeDimensions: "06",
    StatesDirectionMajor: "03",
    StateLeftOver: "12",
    StateBroadcast: "16",
    LastLayerDropped: "10",
    DropsInEvalMode: "10",
    BiasesFirst: "13",
    ParametersReadOnce: "13",
    ComputesInFloat32: "oracle",
    InitialStateWithoutGradient: "08",
}


#: They claim all that NumPy has a dtype for, so that the law may ask whatever shows the fault.
CLAIMS = frozenset(Claim) - {Claim.BFLOAT16}


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.__name__)
def test_fault_of_the_base_class_is_rejected(mutant: type[NumpyGRU]) -> None:
    """The law disagrees with the mutant: it neither passes it nor merely crashes on it."""
    selection, rest = covering_selection(group_of(MUTANTS[mutant]))
    result = run_cases(Implementation(mutant.__name__, mutant, CLAIMS), CPU, selection + rest)
    assert result.outcome.rejects, f"{result.law_case}: {result.reason}"


def test_padding_of_output_is_not_read() -> None:
    """A ``layer`` may leave anything in it: law 07 holds."""
    selection, _ = covering_selection(group_of("07"))
    result = run_cases(Implementation("PaddingOfNaN", PaddingOfNaN, CLAIMS), CPU, selection)
    assert result.outcome == Outcome.PASSED, f"{result.law_case}: {result.reason}"
