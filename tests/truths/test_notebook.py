"""The notebook that this suite grew out of, cell by cell, with its printed figures.

It shows the law once, by eye, at size 1: x of shape (5, 1, 1), one layer, hidden_size 1. It printed
only one of its parameters, so they are fitted (fixtures/truth/notebook.py). Names are the
notebook's: ``gru_layer``, ``bi_gru_layer``.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from fixtures.actions.reversal import copy_parameter, match_direction, share_parameter
from fixtures.cases.case import Case
from fixtures.cases.claims import Claim, needs
from fixtures.cases.parameters import REVERSE, parameter
from fixtures.cases.table import Table, over
from fixtures.cases.witness import Witness
from fixtures.comparison.agreement import Agree
from fixtures.truth import notebook

NOTEBOOK = Table(*((Case(1, 1, batch=1, seq_len=5, h_0="none"),),) * 2)


def random_input(witness: Witness) -> Tensor:
    """Cell 2, as it was printed."""
    x = torch.tensor(notebook.INPUT, dtype=witness.dtype, device=witness.backend.device)
    return x.view(5, 1, 1)


def reverse_random_input(witness: Witness) -> Tensor:
    """Cell 3: the reversal by a NumPy index."""
    return random_input(witness)[np.arange(4, -1, -1), :, :]


def bi_gru_layer(witness: Witness) -> nn.Module:
    """Cell 6, with the fitted parameters."""
    layer = witness.build()
    with torch.no_grad():
        for name, values in notebook.read().items():
            value = parameter(layer, name)
            value.copy_(torch.tensor(values, dtype=torch.float64).view_as(value))
    return layer


def gru_layer(witness: Witness) -> nn.Module:
    """Cell 4: a GRU of one direction."""
    return witness.build(bidirectional=False)


def matched_pair(witness: Witness) -> tuple[nn.Module, nn.Module]:
    """Cell 18: both layers, the weights matched by attribute assignment."""
    bi, gru = bi_gru_layer(witness), gru_layer(witness)
    match_direction(gru, bi, 0, REVERSE, match=share_parameter)
    return bi, gru


def printed(values: Tensor) -> list[str]:
    """A tensor as the notebook shows it: four decimals."""
    return [f"{value:.4f}" for value in values.flatten().tolist()]


def prints(agree: Agree, values: Tensor, figures: list[str], of: str) -> None:
    """Expect these figures; where float32 products are coarser, numbers near them."""
    if agree.precision == "float32":
        agree.same(printed(values), figures, of)
    else:
        agree.with_reference(values, np.array(figures, dtype=np.float64), of=of)


@over(NOTEBOOK)
def test_cell_02_input_has_five_steps_of_one_feature(witness: Witness, agree: Agree) -> None:
    """random_input[:, 0, 0] prints 0.2487, 0.7082, -0.0741, -1.3125, -0.7955."""
    agree.same(list(random_input(witness).shape), [5, 1, 1], "shape of random_input")
    agree.same(
        printed(random_input(witness)[:, 0, 0]),
        ["0.2487", "0.7082", "-0.0741", "-1.3125", "-0.7955"],
        "random_input",
    )


@over(NOTEBOOK)
def test_cell_03_numpy_index_reverses_time(witness: Witness, agree: Agree) -> None:
    """random_input[np.arange(4, -1, -1)] is random_input from its end."""
    agree.bitwise(
        reverse_random_input(witness), random_input(witness).flip(0), of="reverse_random_input"
    )
    agree.same(
        printed(reverse_random_input(witness)),
        ["-0.7955", "-1.3125", "-0.0741", "0.7082", "0.2487"],
        "reverse_random_input",
    )


@over(NOTEBOOK)
def test_cells_04_to_07_layers_have_three_gates_of_one_weight(
    witness: Witness, agree: Agree
) -> None:
    """weight_hh_l0 of both is (3, 1); that of bi_gru_layer prints -0.8681, 0.0275, 0.2440."""
    weight = parameter(bi_gru_layer(witness), "weight_hh_l0")
    shapes = [list(parameter(gru_layer(witness), "weight_hh_l0").shape), list(weight.shape)]
    agree.same(shapes, [[3, 1], [3, 1]], "shapes of weight_hh_l0")
    agree.same(printed(weight), ["-0.8681", "0.0275", "0.2440"], "weight_hh_l0")


@needs(Claim.SHARING)
@over(NOTEBOOK)
def test_cell_18_assignment_shares_the_reverse_parameters(witness: Witness, agree: Agree) -> None:
    """After gru_layer.weight_ih_l0 = bi_gru_layer.weight_ih_l0_reverse and so on: one Parameter."""
    bi, gru = matched_pair(witness)
    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    copies = [
        name for name in names if parameter(gru, name) is not parameter(bi, f"{name}_reverse")
    ]
    agree.same(copies, [], "parameters that are not the same object")


@needs(Claim.SHARING)
@over(NOTEBOOK)
def test_cells_24_and_27_standalone_output_prints_the_figures(
    witness: Witness, agree: Agree
) -> None:
    """gru_layer(reverse_random_input) prints 0.4581, 0.7898, 0.4958, 0.0642, -0.0585."""
    _, gru = matched_pair(witness)
    output, _ = gru(reverse_random_input(witness))
    prints(
        agree,
        output[:, 0, 0],
        ["0.4581", "0.7898", "0.4958", "0.0642", "-0.0585"],
        "output[:, 0, 0]",
    )


@over(NOTEBOOK)
def test_cells_25_and_28_bidirectional_output_prints_the_figures(
    witness: Witness, agree: Agree
) -> None:
    """bi_gru_layer(random_input) prints the notebook's two columns."""
    bi_output, _ = bi_gru_layer(witness)(random_input(witness))
    prints(
        agree,
        bi_output[:, 0, 0],
        ["0.1079", "0.0461", "0.1999", "0.4606", "0.5263"],
        "bi_output[:, 0, 0]",
    )
    prints(
        agree,
        bi_output[:, 0, 1],
        ["-0.0585", "0.0642", "0.4958", "0.7898", "0.4581"],
        "bi_output[:, 0, 1]",
    )


@needs(Claim.SHARING)
@over(NOTEBOOK)
def test_cells_27_and_28_outputs_are_each_other_reversed(witness: Witness, agree: Agree) -> None:
    """The output check: bi_output[:, 0, 1] is output[:, 0, 0] from its end."""
    bi, gru = matched_pair(witness)
    output, hidden = gru(reverse_random_input(witness))
    bi_output, bi_hidden = bi(random_input(witness))
    agree((bi_output[:, :, 1:], bi_hidden[1:]), (output.flip(0), hidden))


@needs(Claim.SHARING)
@over(NOTEBOOK)
def test_cells_29_and_30_hidden_is_the_second_of_bi_hidden(witness: Witness, agree: Agree) -> None:
    """The hidden check: hidden prints -0.0585, and bi_hidden 0.5263, -0.0585."""
    bi, gru = matched_pair(witness)
    _, hidden = gru(reverse_random_input(witness))
    _, bi_hidden = bi(random_input(witness))
    agree.same(
        (list(hidden.shape), list(bi_hidden.shape)),
        ([1, 1, 1], [2, 1, 1]),
        "shapes of hidden and bi_hidden",
    )
    prints(agree, hidden.flatten(), ["-0.0585"], "hidden")
    prints(agree, bi_hidden.flatten(), ["0.5263", "-0.0585"], "bi_hidden")


@needs(Claim.SHARING)
@over(NOTEBOOK)
def test_cell_18_by_copy_gives_the_same_figures(witness: Witness, agree: Agree) -> None:
    """Copied instead of shared, the parameters give the same numbers."""
    bi, shared = matched_pair(witness)
    copied = gru_layer(witness)
    match_direction(copied, bi, 0, REVERSE, match=copy_parameter)
    agree.bitwise(copied(reverse_random_input(witness)), shared(reverse_random_input(witness)))


@over(NOTEBOOK)
def test_cells_33_to_35_view_separates_the_directions(agree: Agree) -> None:
    """The simple example: cat of 0..4 and 4..0, viewed as (1, 1, 2, 5), is the two rows again.

    The notebook prints ``forward_input`` and ``backward_input``, names that do not exist. It means
    ``forward_output`` and ``backward_output``.
    """
    forward_output = torch.tensor(range(5))
    backward_output = torch.tensor(list(reversed(range(5))))
    agree.same(
        (forward_output.tolist(), backward_output.tolist()),
        ([0, 1, 2, 3, 4], [4, 3, 2, 1, 0]),
        "forward and backward output",
    )
    hidden = torch.cat((forward_output, backward_output), dim=0).view(1, 1, -1)
    agree.same(hidden.tolist(), [[[0, 1, 2, 3, 4, 4, 3, 2, 1, 0]]], "hidden")
    hidden_reshaped = hidden.view(1, 1, 2, -1)
    agree.same(hidden_reshaped.tolist(), [[[[0, 1, 2, 3, 4], [4, 3, 2, 1, 0]]]], "hidden_reshaped")
    agree.same(
        (tuple(hidden.shape), tuple(hidden_reshaped.shape)), ((1, 1, 10), (1, 1, 2, 5)), "shapes"
    )


@over(NOTEBOOK.with_fields(dtype="float64"))
def test_fitted_parameters_reach_the_figures_far_beyond_four_decimals(
    witness: Witness, agree: Agree
) -> None:
    """In float64 they give the figures to nine decimals; all lie in the initial range (-1, 1)."""
    bi_output, _ = bi_gru_layer(witness)(random_input(witness))
    columns = zip(notebook.FORWARD_COLUMN, notebook.REVERSE_COLUMN, strict=True)
    fitted = [f"{value:.9f}" for value in bi_output.flatten().tolist()]
    agree.same(
        fitted, [f"{value:.9f}" for row in columns for value in row], "figures to nine decimals"
    )
    outside = {
        name: values for name, values in notebook.read().items() if max(map(abs, values)) >= 1
    }
    agree.same(outside, {}, "parameters outside the initial range")
