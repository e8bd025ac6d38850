"""Vision transformers."""

import timm
from timm.models.deit import VisionTransformerDistilled
from timm.models.swin_transformer import SwinTransformer
from timm.models.swin_transformer_v2 import SwinTransformerV2
from timm.models.vision_transformer import VisionTransformer
from torchvision.models import VisionTransformer as TorchvisionTransformer

from .architecture import Architecture

SIZES = {"num_classes": 10, "img_size": 64, "patch_size": 8, "embed_dim": 96, "depth": 3, "num_heads": 3}


def architectures():
    by_name = lambda name, **options: lambda: timm.create_model(name, pretrained=False, num_classes=10, **options)
    swin = {"num_classes": 10, "img_size": 64, "patch_size": 2, "embed_dim": 48, "depths": (2, 2), "num_heads": (2, 4), "window_size": 8}
    yield Architecture("vit", lambda: VisionTransformer(**SIZES), least=14)
    yield Architecture("vit-tiny-224", by_name("vit_tiny_patch16_224"), (3, 224, 224), least=14)
    yield Architecture(
        "vit-torchvision",
        lambda: TorchvisionTransformer(image_size=64, patch_size=8, num_layers=2, num_heads=4, hidden_dim=64, mlp_dim=128, num_classes=10),
        least=14,
    )
    yield Architecture("deit-distilled", lambda: VisionTransformerDistilled(**SIZES), least=14)
    yield Architecture("swin", lambda: SwinTransformer(**swin), least=13)
    yield Architecture("swin-v2", lambda: SwinTransformerV2(**swin), least=13)
    yield Architecture("cait", by_name("cait_xxs24_224", img_size=64, depth=3), least=14)
    yield Architecture("xcit", by_name("xcit_nano_12_p16_224", img_size=64, depth=3), least=14)
    yield Architecture("beit", by_name("beit_base_patch16_224", img_size=64, embed_dim=96, depth=3, num_heads=3), least=14)
    yield Architecture("pvt-v2", by_name("pvt_v2_b0"), least=14)
    yield Architecture("twins", by_name("twins_svt_small", img_size=64, embed_dims=(32, 64, 96, 128), depths=(1, 1, 2, 1)), (3, 64, 64), least=14)
    yield Architecture("levit", by_name("levit_128s", img_size=64), least=13)
    yield Architecture("tnt", by_name("tnt_s_legacy_patch16_224", img_size=64, depth=3), least=14)
