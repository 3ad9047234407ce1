"""What VASP tries when a magnetic state was lost on the way to self-consistency; see `lodestone.dft.moments`."""

from lodestone.dft.moments import Rung

_ANEW = (("ISTART", 0), ("ICHARG", 2))
# Linear mixing (BMIX near 0), as VASP's manual advises for magnetic systems that do not converge.
_LINEAR = (("ALGO", "Normal"), ("AMIX", 0.2), ("BMIX", 0.0001), ("AMIX_MAG", 0.8), ("BMIX_MAG", 0.0001))
LADDER = (
    Rung("as prepared", 1.0),
    Rung("higher start moments", 1.5, _ANEW),
    Rung("higher start moments and linear mixing", 1.5, _ANEW + _LINEAR),
)
