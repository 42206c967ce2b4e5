#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The rows of bench_core that PyTorch can be asked for, measured in the same way.

    torch_rows.py "name name ..." [quick]

Prints "version TEXT", then for each row that is named and known here: its name, the median, half the
distance between the quartiles as a share of it, and the number of samples. Times are in ns, products
in GFLOP/s, training in images/s.
"""

import statistics
import subprocess
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

QUICK = len(sys.argv) > 2 and sys.argv[2] == "quick"
THREADS = torch.get_num_threads()
BATCH = 64


def summary(samples):
    samples = sorted(samples)
    low, median, high = statistics.quantiles(samples, n=4, method="inclusive")
    return median, (high - low) / 2 / median, len(samples)


def batch(run, times):
    start = time.perf_counter_ns()
    for _ in range(times):
        run()
    return (time.perf_counter_ns() - start) / times


def measure(run, batch_ns=1e6, seconds=2.0, repetitions=101):
    """Batches of at least |batch_ns| until there are enough, or, with five, until time is up."""
    if QUICK:
        seconds, repetitions = 0.1, 5
    batch(run, 1)
    times = 1
    while (each := batch(run, times)) * times < batch_ns / 2:
        times *= 2
    times = max(times, int(batch_ns / each) + 1)
    samples, started = [], time.perf_counter()
    while len(samples) < repetitions:
        if len(samples) >= 5 and time.perf_counter() - started > seconds:
            break
        samples.append(batch(run, times))
    return summary(samples)


def rate(amount, timing):
    median, spread, count = timing
    return amount / median, spread, count


def call(run):
    return measure(run, batch_ns=1.5e5, seconds=1, repetitions=400)


# ---- calls ---------------------------------------------------------------------------------------

def add_of(a_shape, b_shape, recorded=False):
    a = torch.ones(a_shape, requires_grad=recorded)
    b = torch.ones(b_shape, requires_grad=recorded)
    return call(lambda: a + b)


def expression(backward=False, drop=False):
    a, b = (torch.ones(1, requires_grad=True) for _ in range(2))

    def run():
        if drop:
            a.grad = b.grad = None
        value = (a * b + b).sum()
        if backward:
            value.backward()
    return call(run)


def chain():
    a, b = torch.ones(1, requires_grad=True), torch.ones(1)

    def run():
        x = a
        for _ in range(1000):
            x = x * b
        x.backward()
    median, spread, count = call(run)
    return median / 1000, spread, count


# ---- start-up ------------------------------------------------------------------------------------

FIRST_ADD = ("import time, torch\n"
             "assert (torch.tensor([1.0]) + torch.tensor([2.0])).item() == 3\n"
             "print(time.clock_gettime_ns(time.CLOCK_MONOTONIC))")


def first_add():
    def once():
        start = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        out = subprocess.run([sys.executable, "-c", FIRST_ADD], capture_output=True, check=True)
        return int(out.stdout) - start
    once()
    return summary([once() for _ in range(2 if QUICK else 10)])


# ---- kernels -------------------------------------------------------------------------------------

def matmul(n, threads=THREADS):
    a, b = torch.randn(n, n), torch.randn(n, n)
    torch.set_num_threads(threads)
    timing = measure(lambda: a @ b, seconds=4, repetitions=31)
    torch.set_num_threads(THREADS)
    return rate(2 * n ** 3, timing)


def add_16m(fresh):
    count = (4 if QUICK else 16) << 20
    a, b, out = torch.randn(count), torch.randn(count), torch.zeros(count)
    run = (lambda: torch.add(a, b)) if fresh else (lambda: torch.add(a, b, out=out))
    return measure(run, seconds=4, repetitions=41)


def kernel(run, *shapes):
    tensors = [torch.randn(shape) for shape in shapes]
    return measure(lambda: run(*tensors))


# ---- training ------------------------------------------------------------------------------------

def perceptron():
    return nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 10)), (BATCH, 784)


def convolutional():
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.MaxPool2d(2), nn.ReLU(),
        nn.Conv2d(16, 32, 3, padding=1), nn.MaxPool2d(2), nn.ReLU(),
        nn.Flatten(), nn.Linear(32 * 7 * 7, 10)), (BATCH, 1, 28, 28)


def training(make, threads):
    model, shape = make()
    images, labels = torch.randn(shape), torch.randint(0, 10, (BATCH,))
    optim = torch.optim.AdamW(model.parameters())

    def run():
        optim.zero_grad(set_to_none=True)
        F.cross_entropy(model(images), labels).backward()
        optim.step()
    torch.set_num_threads(threads)
    timing = measure(run, seconds=3, repetitions=201)
    torch.set_num_threads(THREADS)
    return rate(BATCH * 1e9, timing)


ROWS = {
    "call.add": lambda: add_of((1,), (1,)),
    "call.add_recorded": lambda: add_of((1,), (1,), recorded=True),
    "call.add_broadcast": lambda: add_of((4, 4), (4,)),
    "call.expression": expression,
    "call.expression_backward": lambda: expression(backward=True, drop=True),
    "call.expression_accumulated": lambda: expression(backward=True),
    "call.chain": chain,
    "start.first_add": first_add,
    "matmul.512": lambda: matmul(512),
    "matmul.1024": lambda: matmul(1024),
    "matmul.2048": lambda: matmul(2048),
    "matmul.512_1": lambda: matmul(512, 1),
    "matmul.1024_1": lambda: matmul(1024, 1),
    "add.16m": lambda: add_16m(fresh=False),
    "add.16m_fresh": lambda: add_16m(fresh=True),
    "kernel.exp": lambda: kernel(torch.exp, 1 << 20),
    "kernel.tanh": lambda: kernel(torch.tanh, 1 << 20),
    "kernel.sum": lambda: kernel(torch.sum, 16 << 20),
    "kernel.softmax": lambda: kernel(lambda x: torch.softmax(x, -1), (512, 1000)),
    "kernel.conv2d": lambda: kernel(lambda x, w: F.conv2d(x, w, padding=1), (64, 16, 14, 14),
                                    (32, 16, 3, 3)),
    "kernel.transpose": lambda: kernel(lambda x: x.t().contiguous(), (4096, 4096)),
    "train.mlp_1": lambda: training(perceptron, 1),
    "train.mlp_all": lambda: training(perceptron, THREADS),
    "train.cnn_1": lambda: training(convolutional, 1),
    "train.cnn_all": lambda: training(convolutional, THREADS),
}


def main():
    wanted = sys.argv[1].split() if len(sys.argv) > 1 else list(ROWS)
    torch.manual_seed(1)
    print(f"version {torch.__version__.split('+')[0]}, {THREADS} threads", flush=True)
    for name in wanted:
        if name in ROWS:
            median, spread, count = ROWS[name]()
            print(f"{name} {median:.6g} {spread:.4f} {count}", flush=True)


if __name__ == "__main__":
    main()
