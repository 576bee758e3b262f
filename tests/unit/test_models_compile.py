"""torch.compile takes each model as one graph, for images and clips, forward and backward, under autocast."""

import pytest
import torch
from torch._dynamo.testing import CompileCounterWithBackend

from ivvit.numerics.compiled import compile_blocks
from ivvit.numerics.models import create_model

ARGS = {"img_size": 32, "embed_dim": 24, "depth": 2, "num_heads": 4, "drop_path_rate": 0.1}


@pytest.mark.parametrize("name", ["IV-ViT", "TokenShift", "MSCA", "polyvit"])
def test_no_graph_breaks(name):
    torch._dynamo.reset()
    model = create_model(name, {"images": 3, "clips.v1": 4}, num_frames=4, backbone_args=ARGS)
    counter = CompileCounterWithBackend("eager")
    compiled = torch.compile(model, backend=counter, fullgraph=True)  # a break raises
    with torch.autocast("cpu", torch.bfloat16):
        compiled(torch.randn(2, 3, 32, 32), "images").sum().backward()
        compiled(torch.randn(2, 4, 3, 32, 32), "clips.v1").sum().backward()
    assert counter.frame_count == 2  # one graph for images, one for clips


@pytest.mark.parametrize(
    ("name", "rate", "graphs"),
    [
        *(("IV-ViT", 0, 2), ("TokenShift", 0, 2), ("MSCA", 0, 2), ("polyvit", 0, 2)),
        pytest.param("TokenShift", 0.1, 10, marks=pytest.mark.slow),
    ],
)
def test_all_blocks_are_compiled_and_equal_ones_once(name, rate, graphs):
    """Ten blocks, more than torch compiles of one function by itself. The last one's MLP is for the class token alone,
    so that it differs; with stochastic depth all do."""
    torch._dynamo.reset()
    model = create_model(name, {"clips": 4}, num_frames=4, backbone_args=ARGS | {"depth": 10, "drop_path_rate": rate})
    counter = CompileCounterWithBackend("eager")
    with torch._dynamo.config.patch(fail_on_recompile_limit_hit=True):
        compile_blocks(model, backend=counter, fullgraph=True)
        model(torch.randn(2, 4, 3, 32, 32), "clips").sum().backward()
    assert counter.frame_count == graphs


@pytest.mark.parametrize("name", ["TokenShift", "MSCA"])
def test_compiled_shifts_are_the_same(name):
    torch._dynamo.reset()
    model = create_model(name, {"clips": 4}, num_frames=4, backbone_args=ARGS).eval()
    x = torch.randn(2, 4, 3, 32, 32)
    gradients = []
    for function in (torch.compile(model, backend="aot_eager", fullgraph=True), model):
        model.zero_grad()
        function(x, "clips").square().sum().backward()
        gradients.append([parameter.grad.clone() for parameter in model.parameters()])
    torch.testing.assert_close(*gradients, atol=1e-5, rtol=1e-4)
