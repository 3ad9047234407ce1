"""Units, materials, analytic models and figures of merit of hysteresis loops."""
