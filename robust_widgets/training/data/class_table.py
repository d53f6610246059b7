"""Which classes of Tiny ImageNet, by their WordNet ids, each class of Restricted Tiny ImageNet is made of."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

RESTRICTED_TINY_IMAGENET: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "dog": ("n02085620", "n02094433", "n02099601", "n02099712", "n02106662", "n02113799"),
        "cat": ("n02123045", "n02123394", "n02124075"),
        "lion": ("n02129165", "n02125311"),
        "bear": ("n02132136",),
        "primate": ("n02480495", "n02481823", "n02486410"),
        "bird": ("n01855672", "n02002724", "n02056570", "n02058221"),
        "frog": ("n01641577", "n01644900"),
        "goldfish": ("n01443537",),
        "insect": ("n02206856", "n02190166", "n02165456", "n02226429", "n02236044", "n02268443"),
        "butterfly": ("n02279972", "n02281406"),
        "spider": ("n01774384", "n01774750"),
        "lobster": ("n01983481", "n01984695"),
        "elephant": ("n02504458",),
        "hoofed": ("n02403003", "n02410509", "n02415577", "n02423022"),
        "car": ("n04285008", "n03100240", "n02814533", "n03670208"),
        "bus": ("n04146614", "n04487081", "n03977966"),
        "boat": ("n03447447", "n03662601"),
        "train": ("n02917067", "n03393912"),
        "fruit": ("n07747607", "n07749582", "n07753592", "n07768694"),
        "pizza": ("n07873807",),
        "mushroom": ("n07734744",),
        "coral": ("n01917289", "n09256479"),
        "jellyfish": ("n01910747",),
        "mountain": ("n09193705", "n09246464"),
        "shore": ("n09332890", "n09428293"),
        "bridge": ("n04311004", "n04366367", "n04532670"),
        "tower": ("n02814860", "n04562935", "n03837869"),
    }
)
