// SPDX-License-Identifier: Apache-2.0
#include "engine/home/config.h"

// The configuration as init writes it.

namespace mixtape::home {

std::string config_template() {
  return R"(# Mixtape's configuration. mixtape.toml(5) explains it; commented lines show defaults.

# Where the media are: directories of disk media ("dir:PATH", relative to this directory).
#libraries = ["dir:library"]

# How many media each file is to be on. Exceptions by pattern: of the rules that match, the one
# that asks for most.
#copies = 1
#copy_rules = { "home/me/Photos/**" = 2 }
# Of which files the copies have to lie in different places, too: patterns, or true for all. Where
# media are kept `mixtape media move` notes; those in a library are where that stands.
#distinct_locations = ["home/me/Photos/**"]
#library_places = { "dir:library" = "study" }

# What backup takes and leaves: patterns over the whole path without leading slash; exclude beats
# include.
#include = []
#exclude = ["**/.cache", "**/*.tmp"]
#one_file_system = false

# Media made from now on.
#record_size = "1 MiB"
#medium_capacity = "1 TiB"
# Behind the texts that explain a medium stand the program and its source ("auto": where they take
# at most a thousandth of it; "full", "texts"), and a directory of your own.
#archaeology = "auto"
#archaeology_extra = ""

# After so many days what is on a medium is to be read again, and status says so; 0: never.
#verify_days = 365

# The archive of a bundle aims at this size.
#bundle_size = "64 GiB"

# Contents brought back from media are kept up to this size, half of it read ahead of programs; and,
# unless it is 0, for so many days after their last use.
#cache_limit = "20 GiB"
#cache_days = 0

# What reading a file does that is only on a medium: "block" waits, "queue" fetches and fails for
# now, "never" fails.
#recall = "block"
# How long a read waits for a medium that is not here.
#wait_for_medium_seconds = 0

# Programs that get no more than the previews of such files, and that get them whatever "recall"
# says: by the names that ps shows. A limit for all others, 0: none.
#never_recall_for = ["file", "tumblerd", "tracker-extract", "tracker-miner-fs-3", "localsearch-3",
#"baloo_file", "baloo_file_extractor", "updatedb", "thumbnail.so", "gdk-pixbuf-thumbnailer",
#"ffmpegthumbnailer"]
#always_recall_for = []
#cold_files_per_second = 0

# Of each file that is written the first and last bytes are kept here, to be looked at while its
# medium is on the shelf, up to this size in all.
#preview_head = "64 KiB"
#preview_tail = "16 KiB"
#preview_limit = "4 GiB"
)";
}

}  // namespace mixtape::home
