//! `brinell attacks`

use clap::Args;

use crate::console::print;
use crate::exit::Exit;
use crate::failure::Failure;

#[derive(Debug, Args)]
pub(crate) struct Attacks {}

impl Attacks {
    #[expect(clippy::unused_self, reason = "as all subcommands")]
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        for attack in brinell::attacks() {
            let norms: Vec<&str> = attack.norms.iter().map(|norm| norm.name()).collect();
            let settings: Vec<&str> = attack.settings.iter().map(|setting| setting.name).collect();
            let settings = if settings.is_empty() { "none".to_owned() } else { settings.join(", ") };
            print(&format!(
                "{}: {}\n  norms: {}; needs: {}\n  settings: {settings}\n",
                attack.name,
                attack.about,
                norms.join(", "),
                attack.knowledge.name()
            ));
        }
        print("\nUse as in --attack pgd:steps=40,restarts=5; docs/attacks.md says what the settings mean.\n");
        Ok(Exit::Done)
    }
}
