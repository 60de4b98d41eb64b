"""Terms of losses: pure functions of tensors and distributions."""
