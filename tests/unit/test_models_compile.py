"""torch.compile takes each model as one graph, for images and clips, forward and backward, under autocast."""

import pytest
import torch
from torch._dynamo.testing import CompileCounterWithBackend

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
