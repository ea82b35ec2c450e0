from benchmarks import networks


def test_a_training_step_is_timed(monkeypatch):
    """What the benchmark gives the trainer is what the trainer asks for."""
    monkeypatch.setattr(networks, "SIZE", 64)
    monkeypatch.setattr(networks, "BATCH", 1)
    step, forward = networks.training_costs("flownet_s", 0.0625, "float32", rounds=1)
    assert min(*step, *forward) > 0
