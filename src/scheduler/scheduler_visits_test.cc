// Turns between a home model and one that does not fit beside it: visits end, and nobody is passed over twice.
#include <gtest/gtest.h>

#include <memory>

#include "scheduler/machine_for_tests.h"

namespace stoker::scheduler {
namespace {

constexpr std::uint32_t kA = 1;
constexpr std::uint32_t kGuest = 5;
constexpr std::uint32_t kText = 7;

// A home text model, and a guest that cannot be there at the same time; both are asked for without end.
class HomeAndGuest {
 public:
  struct People {
    std::uint64_t of_guest = 2;
    std::uint64_t of_home = 3;
    std::uint32_t guest_slots = 1;
  };
  explicit HomeAndGuest(const People& people) : machine(QuoteMode::off), people_(people) {
    machine.unload_time = seconds(1);
    machine.add_device(10);
    machine.add_backend(1, people.guest_slots);
    machine.add_backend(2, 4);
    machine.set_independent_speeds();
    machine.add_model(kA, 3, seconds(5), seconds(5));
    machine.add_model(kGuest, 8, seconds(20), seconds(10));
    machine.add_text_model(kText, 5, seconds(10), seconds(4), 2);
    machine.make_resident(kText);
    machine.tell(WorkshopSet{.workshop = WorkshopId{1},
                             .state = WorkshopState::running,
                             .misfit = MisfitRule::turns,
                             .head_count = 6});
    machine.tell(PlanSet{WorkshopId{1}, {}, {ModelId{kText}}});
    machine.when_ended = [this](JobId job) { ask(machine.person_of.at(job)); };
    for (std::uint64_t person = 1; person <= people.of_guest + people.of_home; ++person)
      machine.at(seconds(static_cast<std::int64_t>(person)), [this, person] { ask(person); });
  }
  std::int64_t loads_of(std::uint32_t model) const {
    return std::ranges::count(machine.loads, ModelId{model}, &Load::model);
  }
  // Drain, unload and load; everybody who waited then, and one who began before; the way back, and those before.
  Duration away_at_most() const {
    return seconds(4 + 1 + 20) + seconds(10) * static_cast<std::int64_t>(people_.of_guest + 1) +
           seconds(1 + 10) + seconds(4) * static_cast<std::int64_t>(people_.of_home);
  }

  MachineForTests machine;

 private:
  void ask(std::uint64_t person) {
    if (person <= people_.of_guest) {
      machine.submit(person, kGuest, seconds(10));
    } else {
      machine.submit(person, kText, seconds(4));
    }
  }
  People people_;
};

void expect_turns(const HomeAndGuest& workshop) {
  ASSERT_TRUE(workshop.machine.scheduler.state().model(ModelId{kGuest}).misfit);
  EXPECT_GT(workshop.loads_of(kGuest), 5);
  EXPECT_GE(workshop.loads_of(kText), workshop.loads_of(kGuest) - 1);
  EXPECT_LE(workshop.machine.longest_wait(ModelId{kText}), workshop.away_at_most());
}

TEST(SchedulerVisits, EndWithThoseWhoWaitedAndTheHomeModelReturns) {
  HomeAndGuest workshop({.of_guest = 2, .of_home = 3});
  workshop.machine.play(minutes(60));
  expect_turns(workshop);
}

TEST(SchedulerVisits, MoreGuestsThanWritersDoNotKeepTheWritersFromBeingServed) {
  HomeAndGuest workshop({.of_guest = 4, .of_home = 2});
  workshop.machine.play(minutes(60));
  expect_turns(workshop);
}

TEST(SchedulerVisits, EndThoughTheGuestIsServedInSeveralSlots) {
  HomeAndGuest workshop({.of_guest = 4, .of_home = 5, .guest_slots = 2});
  workshop.machine.play(minutes(60));
  expect_turns(workshop);
}

}  // namespace
}  // namespace stoker::scheduler
