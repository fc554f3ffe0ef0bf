"""Times .tflite files on this machine: needs ai-edge-litert and numpy, and nothing else; .onnx files need onnxruntime.

    python bench.py cartoon.tflite cartoon_int8.tflite

One picture at a time. Each file has a process of its own for each number of threads; they take turns, so that what else
the machine does meets all of them. A turn begins with runs that are not counted: others had the caches, and its threads
slept.
"""

import argparse
import pathlib
import statistics
import subprocess
import sys
import time

import numpy as np

WARM, REPEAT = 5, 50


def lite(path, threads):
    """A function that runs a TFLite file once."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(path), num_threads=threads)
    name = next(iter(interpreter.get_signature_list()))
    run = interpreter.get_signature_runner(name)
    details = run.get_input_details()
    given = {key: picture(detail["shape"], detail["dtype"]) for key, detail in details.items()}
    return lambda: run(**given)


def onnx(path, threads):
    """A function that runs an ONNX file once."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    inputs = session.get_inputs()
    sides = {one.name: [side if isinstance(side, int) else 1 for side in one.shape] for one in inputs}
    given = {name: picture(shape, np.float32) for name, shape in sides.items()}
    return lambda: session.run(None, given)


def picture(shape, dtype):
    """Random values of a picture: bytes, or numbers in [-1, 1]."""
    pixels = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    return pixels if np.dtype(dtype) == np.uint8 else (pixels / 127.5 - 1).astype(dtype)


def turns(path, threads):
    """Prints "ready"; then for each line "go" the seconds of a run, and for "end" the peak memory in bytes, and 0."""
    run = (onnx if path.suffix == ".onnx" else lite)(path, threads)
    for _ in range(WARM):
        run()
    print("ready", flush=True)
    for line in sys.stdin:
        if line.strip() == "end":
            break
        for _ in range(WARM):
            run()
        start = time.perf_counter()
        for _ in range(REPEAT):
            run()
        print((time.perf_counter() - start) / REPEAT, flush=True)
    print(peak(), 0, flush=True)


def peak():
    """The largest resident memory of this process so far, in bytes; 0 where the system does not tell."""
    status = pathlib.Path("/proc/self/status")
    if status.is_file():
        return 1024 * int(
            next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:")).split()[1]
        )
    try:
        import resource
    except ModuleNotFoundError:
        return 0
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return largest if sys.platform == "darwin" else 1024 * largest


def measure(cases, rounds):
    """Lets processes take turns.

    Args:
        cases: pairs of a file and a number of threads.
        rounds: turns of each.

    Returns:
        For each case its seconds, a list, and its peak memory in bytes.
    """
    command = [sys.executable, __file__, "--turns"]
    players = [
        subprocess.Popen([*command, path, str(threads)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for path, threads in cases
    ]

    def answer(player, order=None):
        if order:
            player.stdin.write(f"{order}\n")
            player.stdin.flush()
        if not (line := player.stdout.readline()):
            raise RuntimeError("A process ended before its time: see what it said above.")
        return line.strip()

    try:
        for player in players:
            while answer(player) != "ready":
                pass
        seconds = [[float(answer(player, "go")) for player in players] for _ in range(rounds)]
        peaks = [int(answer(player, "end").split()[0]) for player in players]
    finally:
        for player in players:
            player.kill()
    return list(zip(map(list, zip(*seconds, strict=True)), peaks, strict=True))


def main(arguments=None):
    """The command; returns its exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="+", type=pathlib.Path, help=".tflite or .onnx files")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=11)
    given = parser.parse_args(arguments)
    missing = [path for path in given.files if not path.is_file()]
    if missing:
        print(f"There is no file {missing[0]}.", file=sys.stderr)
        return 1
    cases = [(path, threads) for path in given.files for threads in given.threads]
    try:
        found = dict(zip(cases, measure(cases, given.rounds), strict=True))
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 1
    print(" | ".join(["| file", "MB", *(f"ms, threads: {threads}" for threads in given.threads), "peak MB |"]))
    print("|" + " --- |" + " ---: |" * (2 + len(given.threads)))
    for path in given.files:
        own = [found[path, threads] for threads in given.threads]
        times = [f"{1000 * statistics.median(seconds):.1f}" for seconds, _ in own]
        peak = max(bytes_ for _, bytes_ in own) / 1e6
        print(f"| {path.name} | {path.stat().st_size / 1e6:.1f} | {' | '.join(times)} | {peak:.0f} |")
    return 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--turns"]:
        turns(pathlib.Path(sys.argv[2]), int(sys.argv[3]))
    else:
        sys.exit(main())
