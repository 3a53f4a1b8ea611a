"""A profile whose commands may say what they like: values of secrets do not leave the node.

A command that complains of a line prints it, and with it the secret that was written there. What
it says goes into reports, the manager's database and logs; so values are concealed before.
"""

from dataclasses import dataclass
from pathlib import Path

from workers.config.core.reports import SENTENCE_CHARACTERS, Result
from workers.config.profiles import Profile
from workers.config.secret_files import SecretFiles


@dataclass(frozen=True, slots=True)
class Discreet:
    """Another profile, with `<secret NAME>` for each value in what its steps say."""

    profile: Profile
    secrets: SecretFiles

    def build(self, staged: Path) -> Result:
        """As the other."""
        return self._told(self.profile.build(staged))

    def validate(self, staged: Path) -> Result:
        """As the other."""
        return self._told(self.profile.validate(staged))

    def reload(self, live: Path) -> Result:
        """As the other."""
        return self._told(self.profile.reload(live))

    def check(self, live: Path) -> Result:
        """As the other."""
        return self._told(self.profile.check(live))

    def _told(self, result: Result) -> Result:
        if not result.sentence and not result.output:
            return result
        concealed = self.secrets.concealed
        # Only then it is cut: half a value would not be found.
        sentence = concealed(result.sentence)[:SENTENCE_CHARACTERS]
        return Result(result.good, sentence, concealed(result.output))
