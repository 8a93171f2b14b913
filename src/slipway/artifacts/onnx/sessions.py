"""Sessions of onnxruntime.

Libraries with more operators are never registered, so that onnxruntime refuses a graph that names one.
"""

from __future__ import annotations

from typing import Any

_NOTHING = 4  # to log: errors are raised


def session(content: bytes, *, optimize: bool = False) -> Any:
    """Return an onnxruntime session of a graph; it computes in the caller's thread."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = _NOTHING
    if not optimize:
        # A converted graph is as fast without, loads in half the time, and is the one that was compared.
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.enable_cpu_mem_arena = False
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
