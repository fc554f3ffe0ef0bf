"""Metrics: functions of arrays, and for `compile(metrics=...)` those that are a `keras.metrics.Metric`.

Keras is imported only where a network is asked or trained.
"""

import importlib

from keras_i2i.metrics.agreement import Agreement, Alignment, attribute_agreement, latent_alignment
from keras_i2i.metrics.classification import (
    Classifier,
    ClassifierConfig,
    confidence_drop,
    misclassification_rate,
    reverse_classification,
    train_classifier,
)
from keras_i2i.metrics.color import lightness
from keras_i2i.metrics.critic import CriticConfig, Wasserstein, independent_wasserstein
from keras_i2i.metrics.depth import depth_errors
from keras_i2i.metrics.diversity import mean_pairwise_distance, mean_variance, rms_distance, sample_diversity
from keras_i2i.metrics.features import FeatureExtractor, MobileNetV2, mobilenet_v2
from keras_i2i.metrics.frechet import frechet_distance, gaussian_frechet_distance
from keras_i2i.metrics.identity import FaceRes, faceres, identity_distance
from keras_i2i.metrics.image_quality import absolute_error, psnr, ssim
from keras_i2i.metrics.inception import InceptionV3, inception_v3
from keras_i2i.metrics.mmd import MMD, gaussian_mmd, median_distance
from keras_i2i.metrics.neighbours import PrecisionRecall, near_copies, precision_recall
from keras_i2i.metrics.perceptual import UnitMaps, perceptual_distance, squared_distance
from keras_i2i.metrics.ranking import auc, ranks, spearman
from keras_i2i.metrics.retrieval import chance_agreement, cosine_distance, nearest, retrieval_agreement
from keras_i2i.metrics.segmentation import Segmentation, segmentation
from keras_i2i.metrics.segmenter import Segmenter, SegmenterConfig, train_segmenter
from keras_i2i.metrics.separability import separability
from keras_i2i.metrics.sharpness import cpbd

_STREAMING = ("PSNR", "SSIM")

__all__ = [
    "MMD",
    "PSNR",
    "SSIM",
    "Agreement",
    "Alignment",
    "Classifier",
    "ClassifierConfig",
    "CriticConfig",
    "FaceRes",
    "FeatureExtractor",
    "InceptionV3",
    "MobileNetV2",
    "PrecisionRecall",
    "Segmentation",
    "Segmenter",
    "SegmenterConfig",
    "UnitMaps",
    "Wasserstein",
    "absolute_error",
    "attribute_agreement",
    "auc",
    "chance_agreement",
    "confidence_drop",
    "cosine_distance",
    "cpbd",
    "depth_errors",
    "faceres",
    "frechet_distance",
    "gaussian_frechet_distance",
    "gaussian_mmd",
    "identity_distance",
    "inception_v3",
    "independent_wasserstein",
    "latent_alignment",
    "lightness",
    "mean_pairwise_distance",
    "mean_variance",
    "median_distance",
    "misclassification_rate",
    "mobilenet_v2",
    "near_copies",
    "nearest",
    "perceptual_distance",
    "precision_recall",
    "psnr",
    "ranks",
    "retrieval_agreement",
    "reverse_classification",
    "rms_distance",
    "sample_diversity",
    "segmentation",
    "separability",
    "spearman",
    "squared_distance",
    "ssim",
    "train_classifier",
    "train_segmenter",
]


def __getattr__(name):
    if name in _STREAMING:
        return getattr(importlib.import_module("keras_i2i.metrics.streaming"), name)
    raise AttributeError(f"keras_i2i.metrics has no {name!r}; its public names are {', '.join(__all__)}.")
