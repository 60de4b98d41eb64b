"""Bounds and divergences between distributions, from samples."""

import tensorflow as tf
import tensorflow_probability as tfp

tfd = tfp.distributions


def log_mean_exp(values, axis):
    """log of the mean of exp(values) along an axis, without overflow."""
    count = tf.cast(tf.shape(values)[axis], values.dtype)
    return tf.reduce_logsumexp(values, axis) - tf.math.log(count)


def permute_dimensions(z, order):
    """Samples of prod_j q(z_j) from samples of q(z): every column is permuted by itself.

    Source: Kim & Mnih 2018, Algorithm 1.

    Args:
        z: codes, [B, D].
        order: independent random numbers, [B, D]; the ranks of a column are its permutation.

    Returns:
        Codes, [B, D], whose columns hold the same values as those of z.
    """
    columns, ranks = tf.transpose(z), tf.argsort(tf.transpose(order), axis=1)
    return tf.transpose(tf.gather(columns, ranks, batch_dims=1))


def kl_of_dimensions(q, p):
    """KL(q_j || p_j) of every dimension, [B, D], in nats, between independent distributions over codes."""
    return tfd.kl_divergence(q.distribution, p.distribution)


def excess(rates, capacity):
    """Examples' shares of |mean rate - capacity|, [B], signed: their mean over the batch is that distance.

    Burgess et al. (2018) and Dupont (2018) hold the mean over the data at the capacity, as their programs do with the
    mean over the batch; were every example held at it, a code could hold it without telling one example from another.

    Args:
        rates: of each example, [B], in nats.
        capacity: in nats.
    """
    away = rates - capacity
    return tf.sign(tf.reduce_mean(away)) * away


def free_bits(rates, floor):
    """sum_j max(floor, mean rate of dimension j): no gradient flows where a dimension uses less than the floor.

    Kingma et al. (2016) compare the floor with the mean over the batch; here every example keeps its own rate in the
    dimensions whose mean is above it.

    Args:
        rates: [B, D], in nats.
        floor: nats of each dimension that cost nothing.

    Returns:
        Sums, [B], whose mean over the batch is that of the formula.
    """
    return tf.reduce_sum(tf.where(tf.reduce_mean(rates, 0) > floor, rates, floor), -1)


def log_aggregate(q, z, dataset_size):
    """log q(z) and sum_j log q(z_j) of the aggregate posterior, by minibatch-weighted sampling.

    log q(z_i) = log 1/(N B) sum_k q(z_i|x_k), and the same for every dimension by itself (Chen et al. 2018).
    N moves the values and not their gradients.

    Args:
        q: independent posteriors with batch [B] and event [D].
        z: one sample of each, [B, D].
        dataset_size: N, the number of examples.

    Returns:
        Two tensors [B], in nats.
    """
    log_densities = q.distribution.log_prob(z[:, None])  # [B, B, D]: sample i under posterior k
    log_count = tf.math.log(tf.cast(tf.shape(z)[0], z.dtype) * dataset_size)
    joint = tf.reduce_logsumexp(tf.reduce_sum(log_densities, -1), 1) - log_count
    marginals = tf.reduce_logsumexp(log_densities, 1) - log_count  # [B, D]
    return joint, tf.reduce_sum(marginals, -1)


def inverse_multiquadratic(a, b, scale):
    """The kernel c / (c + |a_i - b_j|^2) of all pairs: [N, D], [M, D] -> [N, M]."""
    return scale / (scale + tf.reduce_sum((a[:, None] - b[None]) ** 2, -1))


def maximum_mean_discrepancy(a, b, scale):
    """Squared MMD between the distributions of two samples, without bias, so that it may fall below zero.

    Self terms leave out the pairs of a point with itself; cross terms are of independent points and leave out none
    (Gretton et al. 2012; Tolstikhin et al. 2018, Algorithm 2).

    Args:
        a, b: samples, [N, D] and [M, D].
        scale: c of the inverse multiquadratic kernel.

    Returns:
        A scalar.
    """

    def within(points):
        kernel, count = inverse_multiquadratic(points, points, scale), tf.cast(tf.shape(points)[0], points.dtype)
        places = tf.range(tf.shape(points)[0])
        apart = tf.reduce_sum(tf.where(places[:, None] == places, tf.zeros_like(kernel), kernel))
        return apart / tf.maximum(count * (count - 1.0), 1.0)  # a batch of one has no pairs

    return within(a) + within(b) - 2.0 * tf.reduce_mean(inverse_multiquadratic(a, b, scale))


def kl_to_components(q, z, mixture):
    """sum_c g_c (log g_c / pi_c + KL(q || p_c)) with g_c = p(c|z): a bound on KL(q || sum_c pi_c p_c), [B] in nats.

    Source: Jiang et al. 2017, Eq. 9 with Eq. 16.

    Args:
        q: independent normals with batch [B] and event [D].
        z: one sample of each, [B, D].
        mixture: a MixtureSameFamily of K independent normals.
    """
    log_share = tf.nn.log_softmax(mixture.mixture_distribution.logits_parameter())  # [K]
    log_density = mixture.components_distribution.log_prob(z[:, None])  # [B, K]
    log_gamma = tf.nn.log_softmax(log_share + log_density)
    rates = tfd.kl_divergence(q[:, None], mixture.components_distribution)  # [B, K]
    return tf.reduce_sum(tf.exp(log_gamma) * (log_gamma - log_share + rates), -1)
