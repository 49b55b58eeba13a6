// SPDX-License-Identifier: Apache-2.0
#include "engine/service/status.h"

// What a status says of copies, and what to do about it.

namespace mixtape::service {
namespace {

std::string joined(const std::vector<std::string>& labels) {
  std::string text;
  for (const std::string& label : labels) {
    text += (text.empty() ? "" : ", ") + label;
  }
  return text;
}

// About media that came with a recovery, or were lost and found again: what has their label is
// believed to be them only once it was looked at.
std::string look_advice(const Status& status) {
  const std::string here =
      status.unseen_here.empty()
          ? ""
          : "`mixtape backup` looks at " + joined(status.unseen_here) +
                ", recovered or found again and here, and counts the copies there";
  const std::string away =
      status.unseen_away.empty()
          ? ""
          : "attach " + joined(status.unseen_away) +
                ", not seen since the catalog was recovered or they were found again, and run "
                "`mixtape backup`";
  return here + (here.empty() || away.empty() ? "" : "; ") + away;
}

}  // namespace

std::string copies_advice(const Status& status) {
  if (status.unseen_files > 0 && status.unseen_files == status.under_copied_files) {
    return look_advice(status);
  }
  if (status.one_disk) {
    return "what could take them here lies on the disk that has their copies already: bring "
           "another disk, or a tape, within reach and run `mixtape backup` again";
  }
  if (status.could_take.empty()) {
    return "bring a medium with room within reach and run `mixtape backup` again";
  }
  const auto& [medium, is_here, in_drive, files, bytes] = status.could_take.front();
  const std::string name =
      medium.label + (medium.location.empty() ? "" : " (" + medium.location + ")");
  return is_here ? "`mixtape backup` writes them to " + name +
                       " as far as there is room and their files are here"
                 : "load medium " + name + " next and run `mixtape backup`";
}

std::string unseen_text(const Status& status) {
  return status.unseen_files == 0 || status.unseen_files == status.under_copied_files
             ? ""
             : std::to_string(status.unseen_files) +
                   " of them lack nothing but a look at their "
                   "media: " +
                   look_advice(status);
}

std::string all_copied_text(const Status& status) {
  std::vector<std::string> unreadable;
  for (const MediumStatus& each : status.media) {
    if (!each.unreadable.empty() && each.medium.state != catalog::MediumState::retired &&
        each.medium.state != catalog::MediumState::lost) {
      unreadable.push_back(each.medium.label);
    }
  }
  return std::string(status.losses.empty() ? "every file is" : "every file that is known is") +
         " on as many media as the policy asks for" +
         (unreadable.empty() ? "" : ", counting what cannot be read now: " + joined(unreadable)) +
         (status.losses.empty() ? "" : "; what a scan could not read is none of them");
}

}  // namespace mixtape::service
