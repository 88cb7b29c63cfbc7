from . import activations, references
from .activations import channel, direction, diversity, layer, logit, neuron
from .arguments import load_named_photo
from .builders import objective_reference
from .dictionary import Dictionary, Encoder, feature
from .dictionary_files import read_dictionary
from .directions import hash_source, load_folder, mean_activations, picture_files
from .embeddings import image, text
from .masking import (
    NO_REFERENCES,
    AlignedReferences,
    MaskedObjective,
    aligned_references,
    mask_gradient,
    masked_objectives,
    masked_share,
    reference_tensor,
)
from .network_layers import LayerKey, NetworkLayer, keys_by_network, layer_name, layer_stride, network_of
from .objective import (
    ActivationKey,
    Activations,
    Objective,
    Reference,
    check_channel,
    check_objective,
    score_each,
    weighted_sum,
)
from .parse import (
    NETWORK_KEY,
    known_names,
    load_named_mask,
    parse_objective,
)
from .photo_channels import check_channels, seen_picture, seen_pixels, shown_picture
from .references import caricature, guide, inversion, style
from .targets import target_text

__all__ = [
    "NETWORK_KEY",
    "NO_REFERENCES",
    "ActivationKey",
    "Activations",
    "AlignedReferences",
    "Dictionary",
    "Encoder",
    "LayerKey",
    "MaskedObjective",
    "NetworkLayer",
    "Objective",
    "Reference",
    "activations",
    "aligned_references",
    "caricature",
    "channel",
    "check_channel",
    "check_channels",
    "check_objective",
    "direction",
    "diversity",
    "feature",
    "guide",
    "hash_source",
    "image",
    "inversion",
    "keys_by_network",
    "known_names",
    "layer",
    "layer_name",
    "layer_stride",
    "load_folder",
    "load_named_mask",
    "load_named_photo",
    "logit",
    "mask_gradient",
    "masked_objectives",
    "masked_share",
    "mean_activations",
    "network_of",
    "neuron",
    "objective_reference",
    "parse_objective",
    "picture_files",
    "read_dictionary",
    "reference_tensor",
    "references",
    "score_each",
    "seen_picture",
    "seen_pixels",
    "shown_picture",
    "style",
    "target_text",
    "text",
    "weighted_sum",
]
