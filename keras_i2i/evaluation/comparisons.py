"""What papers claim, task by task: which numbers stand side by side, and which sentences they can contradict."""

import dataclasses
import itertools
import statistics
from collections.abc import Callable, Mapping

Means = Mapping[str, Mapping[str, float]]  # method -> metric -> mean over seeds


@dataclasses.dataclass(frozen=True)
class Claim:
    """A sentence that a number can contradict.

    Attributes:
        text: what is claimed.
        found: from the means to (whether it holds, the numbers that say so); KeyError where a run is missing.
    """

    text: str
    found: Callable[[Means], tuple[bool, str]]


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Runs of several methods on one task with one budget.

    Attributes:
        columns: maps a metric to its heading.
        claims: about the means; none where the papers claim nothing that a number could contradict.
        derived: from the reports by method to further means, as those are.
    """

    columns: Mapping[str, str]
    claims: tuple[Claim, ...]
    derived: Callable[[Mapping[str, list]], Means] = lambda by_name: {}


def _digits_best(means):
    best = max(means["xgan_digits"]["accuracy"], means["dtn_tuned_digits"]["accuracy"])
    return best >= 0.86, f"{best:.3f}"


def _digits_fixed(means):
    value = means["dtn_digits"]["accuracy"]
    return 0.65 <= value <= 0.75, f"{value:.3f}"


def _digits_order(means):
    values = {name: means[f"{name}_digits"]["accuracy"] for name in ("cyclegan", "unit", "xgan")}
    told = ", ".join(f"{name} {value:.3f}" for name, value in values.items())
    return max(values["cyclegan"], values["unit"]) < values["xgan"], told


def _hair_speed(means):
    unit, avb = means["unit_haircolor"], means["avb_gtn_haircolor"]
    names = {"both": "steps_to_unit", "accuracy": "steps_to_accuracy", "cycle error": "steps_to_cycle"}
    told = ", ".join(f"{what} {_when(avb[name])}" for what, name in names.items())
    return avb["steps_to_unit"] <= unit["steps"] / 3, f"{told}; UNIT trains for {unit['steps']:.0f} steps"


def _when(steps):
    return "never" if steps == float("inf") else f"after {steps:.0f} steps"


def _two_step_digits(means):
    values = means["two_step_digits"]
    told = f"{values['accuracy']:.3f} (the least of 90 directions {values['accuracy_least']:.3f})"
    return values["accuracy"] >= 0.9, told


def _two_step_latent(means):
    value = means["two_step_digits"]["latent_mse"]
    return value < 1 / 6, f"{value:.3f}"


def _two_step_gender(means):
    values = means["two_step_gender"]
    told = f"women {values['accuracy_woman']:.2f}, men {values['accuracy_man']:.2f}"
    return min(values["accuracy_woman"], values["accuracy_man"]) >= 0.85, told


def _cartoon_makers(means):
    others = ("cyclegan_face2cartoon", "dtn_face2cartoon", "dtn_tuned_face2cartoon")
    return means["xgan_face2cartoon"], [means[name] for name in others]


def _cartoon_order(means):
    names = ("gender_agreement", "beard_auc", "hair_lightness_spearman", "skin_lightness_spearman")
    ours, others = _cartoon_makers(means)
    best = {name: max(own[name] for own in others) for name in names}
    told = ", ".join(f"{name} {ours[name]:.2f} (best other {best[name]:.2f})" for name in names)
    return all(ours[name] > best[name] for name in names), told


def _cartoon_realism(means):
    ours, others = _cartoon_makers(means)
    best = min(own["fmd"] for own in others)
    return ours["fmd"] <= 1.1 * best, f"FMD {ours['fmd']:.0f}, best other {best:.0f}"


def steps_to(curve, accuracy=0.0, error=1.0):
    """The first step at which a curve's accuracy is as high and its cycle error as low as given; infinity if none."""
    rows = zip(curve["step"], curve["accuracy"], curve["cycle_l1"], strict=True)
    return next((step for step, right, wrong in rows if right >= accuracy and wrong <= error), float("inf"))


def _steps_to_unit(by_name):
    """Means over seeds of the steps in which AVB-GTN is where UNIT of that seed ends, where both were run."""
    unit, avb = by_name.get("unit_haircolor", ()), by_name.get("avb_gtn_haircolor", ())
    last = {one["seed"]: {key: values[-1] for key, values in one["curve"].items()} for one in unit}
    pairs = [(one["curve"], last[one["seed"]]) for one in avb if one["seed"] in last]
    if not pairs:
        return {}
    found = {
        "steps_to_unit": [steps_to(curve, end["accuracy"], end["cycle_l1"]) for curve, end in pairs],
        "steps_to_accuracy": [steps_to(curve, accuracy=end["accuracy"]) for curve, end in pairs],
        "steps_to_cycle": [steps_to(curve, error=end["cycle_l1"]) for curve, end in pairs],
    }
    return {"avb_gtn_haircolor": {name: statistics.mean(steps) for name, steps in found.items()}}


def _dino_order(means, world):
    names = ("psnr", "ssim", "pixel_accuracy", "mean_iou")
    ours = means[f"dino_{world}"]
    others = [means[f"{method}_{world}"] for method in ("pix2pix", "bicyclegan")]
    best = {name: max(own[name] for own in others) for name in names}
    told = ", ".join(f"{name} {ours[name]:.3f} (best other {best[name]:.3f})" for name in names)
    return all(ours[name] >= best[name] for name in names), told


def _dino_both_ways(means, world):
    names = ("psnr", "ssim", "pixel_accuracy", "mean_iou")
    one, both = means[f"dino_{world}"], means[f"dino_bidirectional_{world}"]
    least = min(both[name] / one[name] for name in names)
    sizes = both["parameters"], 2 * means[f"pix2pix_{world}"]["parameters"]
    told = f"at least {least:.3f} of each measure; {sizes[0] / 1e6:.1f} and {sizes[1] / 1e6:.1f} million parameters"
    return least >= 0.97 and sizes[0] < sizes[1], told


def _unseen_labels(means):
    ours, cycle = (means[name]["mean_iou"] for name in ("mix_match_rooms", "cyclegan_modalities"))
    cascade = means["pix2pix_depth_rgb+pix2pix_rgb_segmentation"]["mean_iou"]
    told = f"{ours:.3f}, 2x pix2pix {cascade:.3f}, CycleGAN {cycle:.3f}"
    return ours >= 2 * cascade and ours > cycle, told


def _fusion(means):
    alone, fused = (means["mix_match_rooms"][name] for name in ("rgb_mean_iou", "fused_mean_iou"))
    return fused > alone, f"{fused:.3f}, RGB alone {alone:.3f}"


def _oracle(means):
    ours, oracle = (means[name]["mean_iou"] for name in ("mix_match_rooms", "oracle_modalities"))
    return ours >= 0.9 * oracle, f"{ours:.3f}, fully paired {oracle:.3f}"


def _three_inputs(means):
    own, names = means["mix_match_four"], {"RGB": "rgb_mean_iou", "depth": "mean_iou", "NIR": "nir_mean_iou"}
    told = ", ".join(f"{what} {own[name]:.3f}" for what, name in names.items())
    return all(own["all_mean_iou"] > own[name] for name in names.values()), f"{own['all_mean_iou']:.3f}, {told}"


def _four_pseudo(means):
    ours, without = means["mix_match_four"], means["mix_match_noise_four"]
    names = {"depth": "mean_iou", "NIR": "nir_mean_iou"}
    told = ", ".join(f"{what} {ours[name]:.3f} (without {without[name]:.3f})" for what, name in names.items())
    return all(ours[name] > without[name] for name in names.values()), told


def _rising(means, names):
    values = [means[f"mix_match_{name}_modalities" if name else "mix_match_rooms"]["mean_iou"] for name in names]
    told = " < ".join(f"{value:.3f}" for value in values)
    return all(one < other for one, other in itertools.pairwise(values)), told


def _colors_unseen(means):
    seen, unseen = (means["mix_match_colors"][name] for name in ("accuracy_seen", "accuracy"))
    return unseen >= seen - 0.1, f"{unseen:.3f} of 90 directions, {seen:.3f} of the 20 seen"


def _channels_recovered(means):
    names = ("paired", "zero_pair", "pseudo_pairs")
    paired, without, pseudo = (means[f"mix_match_{name}_channels"]["rmse"] for name in names)
    told = f"RMSE {pseudo:.4f} between {without:.4f} without and {paired:.4f} of pairs"
    return without > paired and without - pseudo >= (without - paired) / 2, told


def _of_world(claim, world):
    return lambda means: claim(means, world)


_FROM_LABELS = {
    "psnr": "PSNR",
    "ssim": "SSIM",
    "pixel_accuracy": "pixel accuracy",
    "mean_iou": "mean IoU",
    "diversity": "diversity",
    "parameters": "parameters",
}


def _dino(world):
    return Comparison(
        _FROM_LABELS,
        (
            Claim("DINO is at least as good as pix2pix and BicycleGAN", _of_world(_dino_order, world)),
            Claim(
                "bidirectional DINO is within 3 % of it, with fewer parameters than two of pix2pix",
                _of_world(_dino_both_ways, world),
            ),
        ),
    )


COMPARISONS = {
    "digits": Comparison(
        {
            "accuracy": "accuracy",
            "confidence": "confidence",
            "reverse_accuracy": "reverse accuracy",
            "diversity_within": "diversity within a digit",
            "cycle_l1": "cycle L1",
        },
        (
            Claim("XGAN or the fine-tuned DTN reaches 0.86", _digits_best),
            Claim("DTN with a fixed encoder reaches about 0.70", _digits_fixed),
            Claim("CycleGAN and UNIT stay below XGAN", _digits_order),
        ),
    ),
    "haircolor": Comparison(
        {
            "accuracy": "accuracy",
            "tone_in_range": "tone in range",
            "outside_l1": "L1 beside the hair",
            "attributes_kept": "attributes kept",
            "cycle_l1": "cycle L1",
        },
        (Claim("AVB-GTN reaches UNIT's last accuracy and cycle error in a third of UNIT's steps", _hair_speed),),
        _steps_to_unit,
    ),
    "haircolor_photos": Comparison(
        {
            "hair_in_range": "hair in range",
            "hair_in_range_photos": "of photographs",
            "hair_lightness_brown": "L* made brown",
            "hair_lightness_blond": "L* made blond",
            "skin_change": "L* change of cheeks",
            "outside_l1": "L1 eyes to mouth",
            "identity_distance": "identity distance",
            "cycle_l1": "cycle L1",
        },
        (),
    ),
    "two_step": Comparison(
        {
            "accuracy": "accuracy",
            "accuracy_generated": "of generated",
            "latent_mse": "latent MSE",
            "reconstruction_l1": "reconstruction L1",
            "cycle_l1": "cycle L1",
        },
        (
            Claim("digits: translations are recognised in 90 %", _two_step_digits),
            Claim("latent error well under 1/3 (here: under 1/6)", _two_step_latent),
            Claim("gender: translations are recognised in 85 %, both ways", _two_step_gender),
        ),
    ),
    "face2cartoon": Comparison(
        {
            "gender_agreement": "gender",
            "beard_auc": "beard AUC",
            "hair_lightness_spearman": "hair",
            "skin_lightness_spearman": "skin",
            "fmd": "FMD",
        },
        (
            Claim("XGAN keeps gender, beard and colours better than CycleGAN and both DTNs", _cartoon_order),
            Claim("at a realism distance at most 1.1 times the best", _cartoon_realism),
        ),
    ),
    "avatar_parts": _dino("avatar_parts"),
    "rooms": _dino("rooms"),
    "openmoji": Comparison(
        {
            "psnr": "PSNR",
            "ssim": "SSIM",
            "colored": "coloured",
            "color_l1": "L1 of colours",
            "line_psnr": "PSNR of lines",
            "line_ssim": "SSIM of lines",
        },
        (),
    ),
    "modalities": Comparison(
        {
            "mean_iou": "mean IoU",
            "pixel_accuracy": "pixel accuracy",
            "depth_delta_1": "depth < 1.25",
            "depth_rmse": "depth RMSE",
            "rgb_mean_iou": "mean IoU of RGB",
            "fused_mean_iou": "of RGB and depth",
            "alignment": "alignment",
        },
        (
            Claim("depth to labels, unseen: twice the mean IoU of 2x pix2pix, and above CycleGAN", _unseen_labels),
            Claim("labels of RGB and depth are better than of RGB", _fusion),
            Claim("with pseudo-pairs within 10 % of the fully paired", _oracle),
            Claim(
                "none < autoencoders < latent < noise < pseudo-pairs",
                lambda means: _rising(means, ("pairs", "autoencoders", "latent", "noise", "")),
            ),
            Claim(
                "skip connections < no side information < pooling places",
                lambda means: _rising(means, ("skips", "no_side", "")),
            ),
        ),
    ),
    "four_modalities": Comparison(
        {
            "mean_iou": "mean IoU",
            "nir_mean_iou": "of near-infrared",
            "rgb_mean_iou": "of RGB",
            "fused_mean_iou": "of RGB and depth",
            "all_mean_iou": "of all three",
            "alignment": "alignment",
        },
        (
            Claim("pseudo-pairs add to both unseen inputs", _four_pseudo),
            Claim("labels of RGB, depth and near-infrared are better than of any one", _three_inputs),
        ),
    ),
    "photo_channels": Comparison(
        {
            "rmse": "RMSE",
            "rmse_green_blue": "of green less blue",
            "rmse_red_green": "of red less green",
            "rgb_rmse": "of both from RGB",
            "rmse_of_mean": "of their mean",
            "alignment": "alignment",
        },
        (Claim("pseudo-pairs win back half of what is lost without pairs", _channels_recovered),),
    ),
    "colors": Comparison(
        {
            "accuracy": "unseen directions",
            "accuracy_seen": "seen",
            "accuracy_least": "the worst",
            "outside_l1": "L1 beside the hair",
            "error": "error of colour",
        },
        (Claim("eleven colours: directions never seen are within 10 points of those seen", _colors_unseen),),
    ),
}
