#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/data/print_cases.txt: tensors, each with the text that PyTorch prints for it.

Needs PyTorch (1.13 or newer); the tests need only the file. A case is a block of lines that ends
in an empty one:

    case NAME
    dtype NAME            as Tenon and PyTorch spell it
    shape 2 3             absent for a 0-dim tensor
    strides 1 2           in elements; absent for row-major
    option precision 2    (or line_width, edge_items, threshold), any number of times
    requires_grad
    values V V V ...      floats in hexadecimal, complex ones as RE,IM; element i of the memory is
                          values[i % count], so that large tensors take one line too
    text N                N lines follow
"""

import math
import random
import re
import sys
from pathlib import Path

import torch

OUTPUT = Path(__file__).resolve().parents[1] / "tests" / "data" / "print_cases.txt"
NAN, INF = float("nan"), float("inf")
TORCH_OPTION = {"precision": "precision", "line_width": "linewidth", "edge_items": "edgeitems",
                "threshold": "threshold"}
cases = []


def spell(value):
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, complex):
        return f"{spell(value.real)},{spell(value.imag)}"
    return re.sub(r"\.?0*p", "p", value.hex()) if math.isfinite(value) else str(value)


def needed(shape, strides):
    if 0 in shape:
        return 1
    return 1 + sum((size - 1) * stride for size, stride in zip(shape, strides))


def case(name, dtype, shape, values, strides=None, options=None, requires_grad=False):
    """|values| repeat through the memory; |strides| must not be negative (PyTorch has none)."""
    options = options or {}
    used = strides
    if used is None:
        used = [math.prod(shape[dim + 1:]) for dim in range(len(shape))]
    count = needed(shape, used)
    # As stored: what the dtype keeps of each value, so that both sides start from the same bits.
    stored = torch.tensor(values, dtype=dtype).tolist()
    memory = torch.tensor([stored[i % len(stored)] for i in range(count)], dtype=dtype)
    tensor = torch.as_strided(memory, shape, used)
    if requires_grad:
        tensor = tensor.detach().requires_grad_()
    torch.set_printoptions(profile="default")
    torch.set_printoptions(**{TORCH_OPTION[key]: value for key, value in options.items()})
    text = repr(tensor).split("\n")
    lines = [f"case {name}", f"dtype {str(dtype).removeprefix('torch.')}"]
    if shape:
        lines.append("shape " + " ".join(map(str, shape)))
    if strides is not None:
        lines.append("strides " + " ".join(map(str, strides)))
    lines += [f"option {key} {value}" for key, value in options.items()]
    if requires_grad:
        lines.append("requires_grad")
    lines.append("values " + " ".join(map(spell, stored)))
    lines.append(f"text {len(text)}")
    cases.append("\n".join(lines + text) + "\n")


def chosen_cases():
    f32, f64, f16, bf16 = torch.float32, torch.float64, torch.float16, torch.bfloat16
    i64, i32, i16, i8, u8 = torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8
    c64, c128, boolean = torch.complex64, torch.complex128, torch.bool

    case("whole_floats_end_in_a_point", f32, [3], [1.0, 2.0, 3.0])
    case("fractions_have_four_digits", f32, [3], [1.5, -2.25, 0.33333])
    case("zeros", f32, [5, 3], [0.0])
    case("negative_zero", f32, [3], [0.0, -0.0, 1.0])
    case("negative_zero_alone", f32, [2], [-0.0])
    case("nan_and_infinity", f32, [4], [NAN, INF, -INF, 1.0])
    case("nan_and_infinity_with_fractions", f32, [4], [NAN, INF, -INF, 1.5])
    case("nan_and_infinity_scientific", f32, [4], [NAN, INF, -INF, 1.5e-20])
    case("nothing_finite", f32, [3], [NAN, INF, -INF])
    case("only_zero_and_nan", f32, [3], [0.0, NAN, -0.0])
    case("nan_0_dim", f32, [], [NAN])
    case("scientific_for_a_wide_range", f32, [3], [1e-3, 1.0, 1234.5])
    case("ratio_of_exactly_1000", f32, [2], [1.0, 1000.0])
    case("ratio_above_1000", f32, [2], [1.0, 1001.0])
    case("ratio_of_1000_with_fractions", f32, [3], [0.5, 500.0, 0.75])
    case("above_1e8", f32, [2], [1e8, 2e8])
    case("exactly_1e8", f32, [1], [1e8])
    case("below_1e_4", f32, [2], [9e-5, 8e-5])
    case("exactly_1e_4_in_f64", f64, [2], [1e-4, 2e-4])
    case("smallest_and_largest_f32", f32, [2], [1e-45, 3.4028234e38])
    case("smallest_and_largest_f64", f64, [2], [5e-324, 1.7976931348623157e308])
    case("three_digit_exponent", f64, [3], [1e-100, 1.0, 2.5e200])
    case("whole_and_scientific", f32, [3], [1.0, 2000.0, 0.0])
    case("fixed_point_rounds_half_even_as_stored", f64, [4], [0.12345, 0.00005, 2.67525, 1.00005])
    case("negative_numbers_widen_all", f32, [2, 2], [-10.5, 3.0, 0.25, 99.0])
    case("float_0_dim", f32, [], [3.14159265])
    case("float_0_dim_large", f32, [], [123456.789])
    case("float_0_dim_small", f32, [], [1e-7])
    case("one_element_in_five_dims", f32, [1, 1, 1, 1, 1], [2.5])
    case("f64_has_a_dtype", f64, [2], [0.1, 0.2])
    case("f16", f16, [3], [0.1, 1.0, 65504.0])
    case("f16_whole", f16, [3], [1.0, 2.0, -3.0])
    case("f16_subnormal", f16, [2], [6e-8, 1e-5])
    case("bf16", bf16, [3], [0.1, 1.0, 3.0])
    case("bf16_large", bf16, [2], [1e30, 1.0])

    case("i64_has_no_dtype", i64, [3], [1, -22, 333])
    case("i64_extremes", i64, [2], [-2**63, 2**63 - 1])
    case("i64_zeros", i64, [5, 3], [0])
    case("i32", i32, [2, 2], [1, 2, 3, -4])
    case("i16", i16, [2], [-32768, 32767])
    case("i8", i8, [2], [-128, 127])
    case("u8", u8, [3], [0, 7, 255])
    case("int_0_dim", i64, [], [-7])
    case("i32_0_dim", i32, [], [7])
    case("bool", boolean, [3], [True, False, True])
    case("bool_true_only", boolean, [2], [True])
    case("bool_0_dim", boolean, [], [False])
    case("bool_matrix", boolean, [2, 2], [True, False, False, True])

    case("c64", c64, [2], [1 + 2j, -3.5 - 0.25j])
    case("c64_whole", c64, [2], [1 + 2j, 3 - 4j])
    case("c64_nan_and_infinity", c64, [3], [complex(NAN, INF), complex(-INF, NAN), 1 + 1j])
    case("c64_negative_zero", c64, [2], [complex(-0.0, -0.0), complex(0.0, 1.5)])
    case("c64_scientific_parts", c64, [2], [complex(1e-9, 1.0), complex(1.0, 1e9)])
    case("c64_0_dim", c64, [], [1.5 - 2j])
    case("c128", c128, [2], [0.1 + 0.2j, 10 - 20.5j])
    case("c64_padded_imaginary", c64, [3], [1 + 100.5j, 22 + 2j, 333.25 - 3j])
    case("c64_wraps", c64, [12], [complex(i, -i * 7.5) for i in range(12)])
    case("c64_matrix", c64, [2, 3], [1j, 2, 3 + 3j, -4, -5j, 6.25])

    for name, shape in [("0", [0]), ("0_3", [0, 3]), ("2_0", [2, 0]), ("0_0_1", [0, 0, 1])]:
        case(f"empty_{name}", f32, shape, [0.0])
        case(f"empty_i64_{name}", i64, shape, [0])
    case("empty_bool", boolean, [0], [False])
    case("empty_f64", f64, [3, 0], [0.0])
    case("empty_c64", c64, [0], [0j])
    case("empty_requires_grad", f32, [0, 2], [0.0], requires_grad=True)
    case("empty_with_many_dims_wraps_its_size", f64, [0, 1234, 5678, 910] + list(range(11, 17)),
         [0.0])

    case("matrix", f32, [2, 3], [1.0, 2.5, -3.0, 4.0, 5.0, 6.0])
    case("three_dims", i64, [2, 2, 3], list(range(12)))
    case("four_dims", f32, [2, 2, 2, 2], [0.5, 1.0, 1.5, 2.0, 2.5])
    case("row_wraps_at_80", i64, [40], list(range(40)))
    case("row_of_floats_wraps", f32, [25], [i / 7 for i in range(25)])
    case("inner_row_wraps", f32, [2, 2, 14], [i * 1.25 for i in range(56)])
    case("very_wide_numbers_stand_alone", f64, [3], [1e-300, 1.0, 1e300],
         options={"precision": 70})
    case("bool_row_wraps", boolean, [30], [True, False, True, True])

    for length in (1000, 1001, 1003):
        case(f"summary_at_{length}", i64, [length], list(range(length % 997 + 1000))[-1009:])
    case("summary_of_a_matrix", f32, [50, 40], [i / 13 for i in range(101)])
    case("summary_of_one_long_dim", f32, [4, 600], [i * 1.0 for i in range(89)])
    case("summary_of_one_tall_dim", i32, [600, 4], [i * i for i in range(97)])
    case("summary_of_three_dims", f32, [10, 11, 12], [i / 3 for i in range(103)])
    case("summary_keeps_dims_of_six", i64, [6, 7, 40], list(range(107)))
    case("summary_widths_come_from_what_is_shown", f32, [2000], [1.0, 2.0, 3.0] + [1e9] * 1990
         + [4.0] * 7)
    case("summary_of_complex", c64, [40, 40], [complex(i, i / 4) for i in range(53)])
    case("summary_of_bool", boolean, [5000], [True, False, False])
    case("summary_of_f16", f16, [1500], [i / 8 for i in range(31)])
    case("summary_with_wide_numbers_wraps", f64, [1200], [1e-9 * 7**(i % 23) for i in range(29)])

    case("transposed", i64, [3, 4], list(range(12)), strides=[1, 3])
    case("broadcast", f32, [3, 4], [1.0, 2.0, 3.5], strides=[1, 0])
    case("every_other", f32, [5], [i * 0.5 for i in range(11)], strides=[2])
    case("summary_transposed", i64, [50, 60], list(range(211)), strides=[1, 50])
    case("summary_broadcast", f32, [4000, 3], [0.5, 1.5, 2.5], strides=[0, 1])

    case("requires_grad", f32, [2], [1.0, 2.0], requires_grad=True)
    case("requires_grad_and_dtype", f64, [2], [1.0, 2.0], requires_grad=True)
    case("suffix_wraps", f64, [12], [i / 2 for i in range(12)])
    case("suffixes_wrap_one_by_one", f64, [13], [i / 2 for i in range(13)], requires_grad=True)
    for length in range(5, 12):
        case(f"suffix_near_the_edge_{length}", i32, [length], [10**(i % 9) for i in range(length)])
        case(f"suffix_near_the_edge_of_a_matrix_{length}", f64, [2, length],
             [i * 1.5 for i in range(17)], requires_grad=True)
    case("suffix_behind_a_0_dim", f64, [], [1.5], requires_grad=True)

    case("precision_2", f32, [3], [1.23456, 2.0, 3.0], options={"precision": 2})
    case("precision_8", f64, [2], [1 / 3, 2 / 3], options={"precision": 8})
    case("precision_20_scientific", f64, [2], [1e-9, 1.1], options={"precision": 20})
    case("line_width_40", i64, [30], list(range(30)), options={"line_width": 40})
    case("line_width_narrower_than_a_number", f32, [3], [1.5, 2.5, 3.5], options={"line_width": 5})
    case("edge_items_1", i64, [20, 60], list(range(61)), options={"edge_items": 1})
    case("edge_items_5", i64, [2000], list(range(103)), options={"edge_items": 5})
    case("threshold_5", i64, [4, 8], list(range(32)), options={"threshold": 5})
    case("threshold_high", i64, [1100], list(range(10)), options={"threshold": 2000})


def random_cases(count):
    """Numbers and shapes that nobody chose; the same ones each time."""
    source = random.Random(7)
    dtypes = [torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.complex64,
              torch.complex128]
    for i in range(count):
        dtype = source.choice(dtypes)
        spread = source.choice([0, 1, 2, 4, 8])
        whole = source.random() < 0.3

        def number():
            kind = source.random()
            if kind < 0.05:
                return source.choice([NAN, INF, -INF, 0.0, -0.0])
            value = source.uniform(-1, 1) * 10 ** source.uniform(-spread, spread)
            return float(round(value)) if whole else value

        def element():
            return complex(number(), number()) if dtype.is_complex else number()

        shape = [source.choice([1, 2, 3, 5, 7, 9, 15]) for _ in range(source.randint(0, 3))]
        values = [element() for _ in range(source.choice([1, 3, 11]))]
        case(f"random_{i}", dtype, shape, values, requires_grad=source.random() < 0.2)


def main():
    chosen_cases()
    random_cases(80)
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    head = (f"# Written by tools/print_cases.py with PyTorch {torch.__version__}; "
            "the format is described there.\n\n")
    OUTPUT.write_text(head + "\n".join(cases) + "\n", encoding="ascii")
    print(f"{len(cases)} cases in {OUTPUT}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
