"""The text tower of a CLIP network: embeddings of sentences."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from inceptionism.errors import InvalidSetting, quote_value
from inceptionism.networks.frozen import hash_weights
from inceptionism.networks.hooks import normal_tensors


class TextTower:
    """The part of a CLIP network that embeds sentences (Radford et al., 2021).

    It stays on the CPU in float32, because a run embeds each sentence only once. So a sentence has the same embedding
    on all devices. The tower never changes, so copies of a network share it, like `Network.on`.

    Args:
        model: Network of open_clip, or another module with its method `encode_text`.
        load_tokenizer: Function that returns the tokenizer. It is called before the first sentence is embedded.
        network: Name of the network, for error messages.
    """

    def __init__(self, model: nn.Module, load_tokenizer: Callable[[], Any], network: str) -> None:
        self._model: Any = model.eval().requires_grad_(False).float()
        self._load_tokenizer, self._network = load_tokenizer, network

    def __deepcopy__(self, memo: dict[int, object]) -> TextTower:
        return self

    @cached_property
    def _tokenizer(self) -> Any:
        return self._load_tokenizer()

    def __call__(self, sentence: str) -> Tensor:
        """Return the embedding of a sentence: one number for each output of the image tower, with a norm of 1.

        Raises:
            InvalidSetting: If the sentence is empty, or longer than the tower can read.
            CannotDownload: If the network needs a tokenizer that cannot be downloaded.
        """
        if not isinstance(sentence, str) or not sentence.strip():
            raise InvalidSetting(f"a sentence must be a text that is not empty, not {quote_value(sentence)}")
        with torch.no_grad(), normal_tensors():
            tokens: Tensor = self._tokenizer([sentence])
            limit = tokens.shape[1]
            # Tokenizers cut long sentences without a message. With room for one more token, the result then differs.
            if not torch.equal(self._tokenizer([sentence], context_length=limit + 1)[:, :limit], tokens):
                raise InvalidSetting(
                    f"the sentence {quote_value(sentence)} is too long: {self._network} reads at most {limit} tokens, "
                    f"about {limit * 3 // 4} words; shorten it, or divide it into several text(...) terms"
                )
            embedding: Tensor = self._model.encode_text(tokens, normalize=True)[0]
        return embedding

    @cached_property
    def weights_hash(self) -> str:
        """The SHA-256, in hexadecimal, of the names, shapes and values of all parameters and buffers."""
        return hash_weights(self._model)
