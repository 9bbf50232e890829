"""Trains a multilayer perceptron on scikit-learn's 1797 images of digits."""

from __future__ import annotations

import time

import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

import hpcopt

N_EPOCHS = 30


def train(
    learning_rate: float,
    hidden_units: int,
    l2: float,
    batch_size: int,
    activation: str,
) -> dict[str, float]:
    """Report loss and accuracy on held-out images after each epoch."""
    images, digits = load_digits(return_X_y=True)
    train_images, test_images, train_digits, test_digits = train_test_split(
        images / 16, digits, test_size=0.3, random_state=0, stratify=digits
    )
    network = MLPClassifier(
        hidden_layer_sizes=(hidden_units,),
        activation=activation,
        learning_rate_init=learning_rate,
        alpha=l2,
        batch_size=batch_size,
        random_state=0,
    )
    begun = time.perf_counter()
    for epoch in range(1, N_EPOCHS + 1):
        network.partial_fit(train_images, train_digits, classes=np.arange(10))
        probabilities = network.predict_proba(test_images)
        hpcopt.report(
            step=epoch,
            loss=log_loss(test_digits, probabilities),
            accuracy=np.mean(probabilities.argmax(axis=1) == test_digits),
        )
    return {"seconds": time.perf_counter() - begun}
