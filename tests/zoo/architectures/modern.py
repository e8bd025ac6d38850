"""Image classifiers that are neither classic convolutional networks nor plain transformers."""

import timm
from timm.layers import GatedMlp
from timm.models.convmixer import ConvMixer
from timm.models.mlp_mixer import Affine, MlpMixer, ResBlock, SpatialGatingBlock

from .architecture import Architecture


def architectures():
    by_name = lambda name, **options: lambda: timm.create_model(name, pretrained=False, num_classes=10, **options)
    mixer = {"num_classes": 10, "img_size": 64, "patch_size": 8, "num_blocks": 3, "embed_dim": 96}
    yield Architecture("convnext", by_name("convnext_atto"))
    yield Architecture("convnext-v2", by_name("convnextv2_atto"))
    yield Architecture("nfnet", by_name("test_nfnet"), (3, 96, 96))
    yield Architecture("nf-regnet", by_name("nf_regnet_b0"))
    yield Architecture("mlp-mixer", lambda: MlpMixer(**mixer))
    yield Architecture("res-mlp", lambda: MlpMixer(**mixer, mlp_ratio=4, block_layer=ResBlock, norm_layer=Affine))
    yield Architecture("g-mlp", lambda: MlpMixer(**mixer, mlp_ratio=4, block_layer=SpatialGatingBlock, mlp_layer=GatedMlp))
    yield Architecture("convmixer", lambda: ConvMixer(96, 4, kernel_size=5, num_classes=10))
    yield Architecture("poolformer", by_name("poolformer_s12"))
    yield Architecture("mobilevit", by_name("mobilevit_xxs"), least=14)
    yield Architecture("mobileone", by_name("mobileone_s0"))
    yield Architecture("edgenext", by_name("edgenext_xx_small"))
    yield Architecture("efficientformer", by_name("efficientformer_l1"), (3, 224, 224))
    yield Architecture("fastvit", by_name("fastvit_t8"))
    yield Architecture("coatnet", by_name("test_coatnet", img_size=160), (3, 160, 160), least=14)
    yield Architecture("maxvit", by_name("test_maxvit", img_size=160), (3, 160, 160), least=14)
    yield Architecture("ghostnet-v2", by_name("ghostnetv2_100"))
    yield Architecture("starnet", by_name("starnet_s1"))
