"""What is measured of a breast tumour: the nuclei of its cells, in the picture of a fine needle aspirate."""

from dataclasses import dataclass
from typing import Annotated

from slipway.model import Range

# Of one nucleus. The limits are what a picture can show, wider than what the data holds.
Radius = Annotated[float, Range(0, 100, "px", "mean distance from the centre to the outline")]
Texture = Annotated[float, Range(0, 128, description="standard deviation of the grey values, which go from 0 to 255")]
Perimeter = Annotated[float, Range(0, 1000, "px", "length of the outline")]
Area = Annotated[float, Range(0, 30_000, "px²", "area within the outline")]
Smoothness = Annotated[float, Range(0, 1, description="how much the radius varies from place to place")]
Compactness = Annotated[float, Range(0, 10, description="perimeter² / area - 1, the smaller the rounder")]
Concavity = Annotated[float, Range(0, 10, description="how deep the dents of the outline are")]
ConcavePoints = Annotated[float, Range(0, 1, description="how much of the outline is dented")]
Symmetry = Annotated[float, Range(0, 1, description="how far the two halves differ")]
FractalDimension = Annotated[float, Range(0, 1, description="how rough the outline is: coastline approximation - 1")]


@dataclass(frozen=True)
class Tumor:
    """Ten properties of the nuclei: the mean of all, its standard error, and the mean of the three largest (worst)."""

    mean_radius: Radius
    mean_texture: Texture
    mean_perimeter: Perimeter
    mean_area: Area
    mean_smoothness: Smoothness
    mean_compactness: Compactness
    mean_concavity: Concavity
    mean_concave_points: ConcavePoints
    mean_symmetry: Symmetry
    mean_fractal_dimension: FractalDimension

    radius_error: Radius
    texture_error: Texture
    perimeter_error: Perimeter
    area_error: Area
    smoothness_error: Smoothness
    compactness_error: Compactness
    concavity_error: Concavity
    concave_points_error: ConcavePoints
    symmetry_error: Symmetry
    fractal_dimension_error: FractalDimension

    worst_radius: Radius
    worst_texture: Texture
    worst_perimeter: Perimeter
    worst_area: Area
    worst_smoothness: Smoothness
    worst_compactness: Compactness
    worst_concavity: Concavity
    worst_concave_points: ConcavePoints
    worst_symmetry: Symmetry
    worst_fractal_dimension: FractalDimension
