// SPDX-License-Identifier: Apache-2.0
#include "tapeio/changer.h"

namespace mixtape::tapeio {

std::string place_name(const Element& element) {
  switch (element.kind) {
    case Element::Kind::transport:
      return "the robot's hand";
    case Element::Kind::slot:
      return "slot " + std::to_string(element.number);
    case Element::Kind::import_export:
      return "import/export " + std::to_string(element.number);
    case Element::Kind::drive:
      break;
  }
  return "drive " + std::to_string(element.number);
}

bool is_cleaning_barcode(const std::string& barcode) {
  return barcode.starts_with("CLN");
}

}  // namespace mixtape::tapeio
