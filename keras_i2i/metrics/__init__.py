"""Metrics as plain functions of arrays; Keras runs only where a network is asked or trained."""

from keras_i2i.metrics.classification import (
    Classifier,
    ClassifierConfig,
    confidence_drop,
    misclassification_rate,
    reverse_classification,
    train_classifier,
)
from keras_i2i.metrics.color import lightness
from keras_i2i.metrics.diversity import mean_pairwise_distance, mean_variance
from keras_i2i.metrics.features import FeatureExtractor, MobileNetV2, mobilenet_v2
from keras_i2i.metrics.frechet import frechet_distance, gaussian_frechet_distance
from keras_i2i.metrics.mmd import MMD, gaussian_mmd, median_distance
from keras_i2i.metrics.ranking import auc, ranks, spearman
from keras_i2i.metrics.retrieval import chance_agreement, cosine_distance, nearest, retrieval_agreement
from keras_i2i.metrics.separability import separability

__all__ = [
    "Classifier",
    "ClassifierConfig",
    "FeatureExtractor",
    "MMD",
    "MobileNetV2",
    "auc",
    "chance_agreement",
    "confidence_drop",
    "cosine_distance",
    "frechet_distance",
    "gaussian_frechet_distance",
    "gaussian_mmd",
    "lightness",
    "mean_pairwise_distance",
    "mean_variance",
    "median_distance",
    "misclassification_rate",
    "mobilenet_v2",
    "nearest",
    "ranks",
    "retrieval_agreement",
    "reverse_classification",
    "separability",
    "spearman",
    "train_classifier",
]
