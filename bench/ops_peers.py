#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The rows of bench_ops in NumPy and PyTorch, run when asked.

    ops_peers.py THREADS

Prints one line with the versions of what is installed (an empty one where there is no NumPy). Then each line
"numpy ROW TIMES" or "torch ROW TIMES" on standard input is answered with the time in ns of one of
TIMES calls, or with "none" where the library has no such row. Both get THREADS threads.
"""

import os
import sys
import time

THREADS = int(sys.argv[1])
for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[variable] = str(THREADS)

try:
    import numpy as np
except ImportError:
    sys.exit(print())
try:
    import torch
    from torch.nn import functional as F
    torch.set_num_threads(THREADS)
    torch.set_grad_enabled(False)
    torch.manual_seed(1)
except ImportError:
    torch = None

MILLION, LARGE = 1 << 20, 16 << 20


# ---- operands: the same shapes and kinds of numbers as in bench/ops/rows_*.c -----------------------

RANDOM = np.random.default_rng(1)


def normal(*shape, dtype="float32"):
    def make():
        x = RANDOM.standard_normal(shape)
        return (x + 1j * RANDOM.standard_normal(shape) if "complex" in dtype else x).astype(dtype)
    return make


def positive(*shape, dtype="float32"):
    return lambda: (RANDOM.random(shape) + 0.5).astype(dtype)


def below(size, *shape):
    return lambda: RANDOM.integers(0, size, shape)


def above(limit, *shape):
    return lambda: RANDOM.standard_normal(shape) > limit


def zeros(*shape):
    return lambda: np.zeros(shape, np.float32)


def definite(n):
    def make():
        a = RANDOM.standard_normal((n, n)).astype(np.float32)
        return a @ a.T + np.float32(n) * np.eye(n, dtype=np.float32)
    return make


def row(operands, numpy_call, torch_call):
    return operands, numpy_call, torch_call


def two(numpy_call, torch_call, make=normal, dtype="float32"):
    return row([make(MILLION, dtype=dtype), positive(MILLION, dtype=dtype)], numpy_call, torch_call)


def unary(name, make=normal, dtype="float32", numpy_has=True):
    return two((lambda a, b: getattr(np, name)(a)) if numpy_has else None,
               lambda a, b: getattr(torch, name)(a), make, dtype)


SQUARE = [normal(2048, 2048)]
ELEMENTS = [normal(1024, 1024), below(1024, 1024, 1024), normal(1024, 1024)]
IMAGES = [normal(16, 32, 28, 28), normal(64, 32, 3, 3)]


def numpy_softmax(x, axis):
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def numpy_scatter(x, index, source):
    out = x.copy()
    np.put_along_axis(out, index, source, 1)
    return out


ROWS = {
    "add.f32": two(lambda a, b: a + b, lambda a, b: a + b),
    "mul.f32": two(lambda a, b: a * b, lambda a, b: a * b),
    "add.i64": row([below(1000, MILLION), below(1000, MILLION)], lambda a, b: a + b,
                   lambda a, b: a + b),
    "add.row": row([normal(1024, 1024), normal(1024)], lambda a, b: a + b, lambda a, b: a + b),
    "add.transposed": row([normal(1024, 1024), normal(1024, 1024)], lambda a, b: a + b.T,
                          lambda a, b: a + b.T),
    "where.f32": row([normal(MILLION), positive(MILLION), above(1, MILLION)],
                     lambda a, b, c: np.where(c, a, b), lambda a, b, c: torch.where(c, a, b)),
    "add.large": row([normal(LARGE), positive(LARGE), zeros(LARGE)],
                     lambda a, b, out: np.add(a, b, out=out),
                     lambda a, b, out: torch.add(a, b, out=out)),
    "exp.f32": unary("exp"),
    "log.f32": unary("log", positive),
    "sin.f32": unary("sin"),
    "tanh.f32": unary("tanh"),
    "erf.f32": unary("erf", numpy_has=False),
    "pow.f32": two(lambda a, b: np.power(a, b), lambda a, b: torch.pow(a, b), positive),
    "exp.f64": unary("exp", positive, "float64"),
    "log.f64": unary("log", positive, "float64"),
    "sin.f64": unary("sin", positive, "float64"),
    "tanh.f64": unary("tanh", positive, "float64"),
    "erf.f64": unary("erf", positive, "float64", numpy_has=False),
    "pow.f64": two(lambda a, b: np.power(a, b), lambda a, b: torch.pow(a, b), positive, "float64"),
    "sum.large": row([normal(LARGE)], lambda x: x.sum(), lambda x: x.sum()),
    "sum.0": row(SQUARE, lambda x: x.sum(0), lambda x: x.sum(0)),
    "sum.1": row(SQUARE, lambda x: x.sum(1), lambda x: x.sum(1)),
    "sum.middle": row([normal(64, 256, 256)], lambda x: x.sum(1), lambda x: x.sum(1)),
    "mean.1": row(SQUARE, lambda x: x.mean(1), lambda x: x.mean(1)),
    "amax.0": row(SQUARE, lambda x: x.max(0), lambda x: x.amax(0)),
    "amax.1": row(SQUARE, lambda x: x.max(1), lambda x: x.amax(1)),
    "argmax.1": row(SQUARE, lambda x: x.argmax(1), lambda x: x.argmax(1)),
    "var.1": row(SQUARE, lambda x: x.var(1, ddof=1), lambda x: x.var(1)),
    "cumsum.0": row(SQUARE, lambda x: x.cumsum(0), lambda x: x.cumsum(0)),
    "cumsum.1": row(SQUARE, lambda x: x.cumsum(1), lambda x: x.cumsum(1)),
    "transpose": row([normal(4096, 4096)], lambda x: np.ascontiguousarray(x.T),
                     lambda x: x.t().contiguous()),
    "cat.0": row([normal(512, 1024)] * 3, lambda *x: np.concatenate(x, 0),
                 lambda *x: torch.cat(x, 0)),
    "cat.1": row([normal(512, 1024)] * 3, lambda *x: np.concatenate(x, 1),
                 lambda *x: torch.cat(x, 1)),
    "index_select": row([normal(100000, 64), below(100000, 50000)],
                        lambda x, i: np.take(x, i, 0), lambda x, i: torch.index_select(x, 0, i)),
    "index.rows": row([normal(100000, 64), below(100000, 50000)], lambda x, i: x[i],
                      lambda x, i: x[i]),
    "index.elements": row([normal(1024, 1024), below(1024, MILLION), below(1024, MILLION)],
                          lambda x, i, j: x[i, j], lambda x, i, j: x[i, j]),
    "index.mask": row([normal(MILLION), above(0, MILLION)], lambda x, m: x[m],
                      lambda x, m: x[m]),
    "index_put.rows": row([normal(100000, 64), below(100000, 50000), normal(50000, 64)],
                          lambda x, i, v: x.__setitem__(i, v),
                          lambda x, i, v: x.index_put_((i,), v)),
    "gather.1": row(ELEMENTS, lambda x, i, s: np.take_along_axis(x, i, 1),
                    lambda x, i, s: torch.gather(x, 1, i)),
    "gather.0": row(ELEMENTS, lambda x, i, s: np.take_along_axis(x, i, 0),
                    lambda x, i, s: torch.gather(x, 0, i)),
    "scatter": row(ELEMENTS, numpy_scatter, lambda x, i, s: torch.scatter(x, 1, i, s)),
    "scatter_add": row(ELEMENTS, None, lambda x, i, s: torch.scatter_add(x, 1, i, s)),
    "nonzero": row([above(0, MILLION)], np.argwhere,
                   lambda x: torch.nonzero(x)),
    "sort.f32": row([normal(MILLION)], lambda x: np.argsort(x), lambda x: torch.sort(x)),
    "sort.i64": row([below(1 << 40, MILLION)], lambda x: np.argsort(x), lambda x: torch.sort(x)),
    "sort.rows": row([normal(1000, 1000)], lambda x: np.argsort(x, 1),
                     lambda x: torch.sort(x, 1)),
    "sort.0": row([normal(1000, 1000)], lambda x: np.argsort(x, 0), lambda x: torch.sort(x, 0)),
    "topk": row([normal(MILLION)], lambda x: np.argpartition(x, -100),
                lambda x: torch.topk(x, 100)),
    "topk.rows": row([normal(1000, 1000)], lambda x: np.argpartition(x, -10, 1),
                     lambda x: torch.topk(x, 10, 1)),
    "unique": row([below(1000, MILLION)], lambda x: np.unique(x), lambda x: torch.unique(x)),
    "searchsorted": row([lambda: np.arange(65536, dtype=np.float32) / 65536, positive(MILLION)],
                        lambda a, v: np.searchsorted(a, v), lambda a, v: torch.searchsorted(a, v)),
    "softmax.1": row([normal(512, 1000)], lambda x: numpy_softmax(x, 1), lambda x: x.softmax(1)),
    "softmax.0": row([normal(512, 1000)], lambda x: numpy_softmax(x, 0), lambda x: x.softmax(0)),
    "layer_norm": row([normal(512, 1024), normal(1024), normal(1024)], None,
                      lambda x, w, b: F.layer_norm(x, (1024,), w, b)),
    "batch_norm": row([normal(16, 32, 28, 28), normal(32), normal(32)], None,
                      lambda x, w, b: F.batch_norm(x, None, None, w, b, training=True)),
    "conv2d": row(IMAGES, None, lambda x, w: F.conv2d(x, w, padding=1)),
    "max_pool2d": row(IMAGES, None, lambda x, w: F.max_pool2d(x, 2)),
    "upsample": row([normal(16, 32, 28, 28)], None,
                    lambda x: F.interpolate(x, scale_factor=2, mode="bilinear")),
    "attention": row([normal(8, 8, 128, 64)] * 3, None,
                     lambda q, k, v: F.scaled_dot_product_attention(q, k, v)),
    "matmul.512": row([normal(512, 512), normal(512, 512)], lambda a, b: a @ b,
                      lambda a, b: a @ b),
    "cholesky": row([definite(256)],
                    lambda a: np.linalg.cholesky(a), lambda a: torch.linalg.cholesky(a)),
    "solve": row([normal(256, 256), normal(256, 16)], lambda a, b: np.linalg.solve(a, b),
                 lambda a, b: torch.linalg.solve(a, b)),
    "inv": row([normal(256, 256)], lambda a: np.linalg.inv(a), lambda a: torch.linalg.inv(a)),
    "qr": row([normal(256, 256)], lambda a: np.linalg.qr(a), lambda a: torch.linalg.qr(a)),
    "svd": row([normal(128, 128)], lambda a: np.linalg.svd(a), lambda a: torch.linalg.svd(a)),
    "eigh": row([definite(128)],
                lambda a: np.linalg.eigh(a), lambda a: torch.linalg.eigh(a)),
    "solve.batch": row([normal(512, 8, 8), normal(512, 8, 4)], lambda a, b: np.linalg.solve(a, b),
                       lambda a, b: torch.linalg.solve(a, b)),
    "fft.1024": row([normal(256, 1024, dtype="complex64")], lambda x: np.fft.fft(x),
                    lambda x: torch.fft.fft(x)),
    "fft.65536": row([normal(65536, dtype="complex128")], lambda x: np.fft.fft(x),
                     lambda x: torch.fft.fft(x)),
    "fft.prime": row([normal(64, 1009, dtype="complex128")], lambda x: np.fft.fft(x),
                     lambda x: torch.fft.fft(x)),
    "rfft.1024": row([normal(256, 1024)], lambda x: np.fft.rfft(x), lambda x: torch.fft.rfft(x)),
    "fft2": row([normal(512, 512, dtype="complex64")], lambda x: np.fft.fft2(x),
                lambda x: torch.fft.fft2(x)),
}


def call_of(library, name, made):
    """A function without arguments, kept for later batches of the row; None where there is none."""
    if (library, name) not in made:
        made.clear()  # operands of earlier rows are not needed again
        operands, numpy_call, torch_call = ROWS.get(name, ([], None, None))
        call = numpy_call if library == "numpy" else torch_call
        made[library, name] = None
        if call is not None and (library == "numpy" or torch is not None):
            values = [make() for make in operands]
            if library == "torch":
                values = [torch.from_numpy(value) for value in values]
            made[library, name] = lambda: call(*values)
    return made[library, name]


def main():
    versions = [f"{m.__name__} {m.__version__.split('+')[0]}" for m in (np, torch) if m is not None]
    print(", ".join(versions), flush=True)
    made = {"numpy": {}, "torch": {}}
    for line in sys.stdin:
        library, name, times = line.split()
        call = call_of(library, name, made[library])
        if call is None:
            print("none", flush=True)
            continue
        start = time.perf_counter_ns()
        for _ in range(int(times)):
            call()
        print((time.perf_counter_ns() - start) / int(times), flush=True)


if __name__ == "__main__":
    main()
