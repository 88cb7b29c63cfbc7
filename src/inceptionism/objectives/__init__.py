"""Objectives, which are maximized: they compute scores from activations, and can be added and scaled.

Use `layer`, `channel`, `neuron`, `direction`, `logit`, `diversity`, `guide`, `inversion`, `caricature`, `style`,
`text` or `image` to make an `Objective`, or parse one from text with `parse_objective`. `objective_reference` lists all
objectives.
`mean_activations` measures how strongly pictures excite the channels of a layer.
`__init__.pyi` lists the names that other packages may import.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
