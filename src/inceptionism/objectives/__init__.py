"""What is maximized: scores computed from activations, which add and scale.

Use `layer`, `channel`, `neuron`, `direction`, `logit` and `diversity`, or `guide`, `inversion`, `caricature` and `style`
to make an `Objective`; `parse_objective` reads one from text. The full list of names for other packages is in
`__init__.pyi`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
