"""Operations on images: warping, resampling, cropping."""
