"""What a tokenizer wants before, after and beyond a text."""

from typing import Any
from typing import NamedTuple


class SpecialTokens(NamedTuple):
    """Ids put before and after a text, and the id that pads a row."""

    before: tuple[int, ...]
    after: tuple[int, ...]
    padding: int

    @property
    def num_tokens(self) -> int:
        """Tokens that a row spends on them."""
        return len(self.before) + len(self.after)


def special_tokens(tokenizer: Any) -> SpecialTokens:
    """Read the special tokens of a KerasHub or `tokenizers` tokenizer."""
    if hasattr(tokenizer, "encode_batch"):
        return _of_tokenizers(tokenizer)
    return SpecialTokens(
        _first_id(tokenizer, "cls_token_id", "start_token_id"),
        _first_id(tokenizer, "sep_token_id", "end_token_id"),
        (_first_id(tokenizer, "pad_token_id") or (0,))[0],
    )


def _first_id(tokenizer: Any, *names: str) -> tuple[int, ...]:
    for name in names:
        token_id = getattr(tokenizer, name, None)
        if token_id is not None:
            return (int(token_id),)
    return ()


def _of_tokenizers(tokenizer: Any) -> SpecialTokens:
    """What its post-processor adds around a probe, and its padding."""
    padding = (tokenizer.padding or {}).get("pad_id")
    for token in ("[PAD]", "<pad>"):
        padding = tokenizer.token_to_id(token) if padding is None else padding
    bare = tokenizer.encode("a", add_special_tokens=False)
    whole = tokenizer.encode("a")
    if len(whole) == len(bare):
        return SpecialTokens((), (), padding or 0)
    mask = whole.special_tokens_mask
    text = [i for i, special in enumerate(mask) if not special]
    before = whole.ids[: text[0]] if text else whole.ids
    after = whole.ids[text[-1] + 1 :] if text else []
    return SpecialTokens(tuple(before), tuple(after), padding or 0)
